import csv
import functools
import http.server
import signal
import subprocess
import sys
import threading
import time

import av
import numpy as np
import pytest
from servers import CameraServer, RtspServer
from testing import refuses, video_frames
from videos import encode, moving_square

from export.live.session import Session
from export.live.smoothing import Smoother
from export.live.sources import (
    AtRate,
    Camera,
    Capture,
    at_natural_speed,
    open_source,
    output_fps,
    reconnecting,
)
from export.runtime import StreamRunner
from tsm_tf.data.sources.video_file import BadVideoError


@pytest.fixture
def stop():
    return threading.Event()


def numbered(count, step=lambda number: None):
    for number in range(count):
        yield number, f"frame {number}"
        step(number)


def test_newest_frame_wins(stop):
    busy, over = threading.Event(), threading.Event()

    def lens():
        yield 0, None
        busy.wait(10)
        yield from numbered(9)
        over.set()

    frames = iter(Capture(lens(), stop, newest_wins=True))
    assert next(frames)[0] == 0
    busy.set()
    assert over.wait(10)  # nine frames have come while the model was busy
    assert [number for number, _ in frames] == [8]


def test_nothing_is_lost_when_reading_waits(stop):
    seen, read = [], []
    for number, _ in Capture(numbered(20, read.append), stop, newest_wins=False):
        seen.append(number)
        assert len(read) <= number + 2  # a queue of one
        time.sleep(0.002)
    assert seen == list(range(20))


def test_an_error_comes_after_the_frames_before_it(stop):
    def broken():
        yield from numbered(3)
        raise BadVideoError("x.mp4", "broken")

    seen = []
    with refuses("video", "broken", "x.mp4"):
        for number, _ in Capture(broken(), stop, newest_wins=False):
            seen.append(number)
    assert seen == [0, 1, 2]


def test_stop_ends_the_wait_for_a_frame(stop):
    closed = threading.Event()

    def silent():
        try:
            yield 0, None
            stop.wait(10)
        finally:
            closed.set()

    capture = Capture(silent(), stop, newest_wins=True)
    threading.Timer(0.2, stop.set).start()
    assert [number for number, _ in capture] == [0]
    capture.close()
    assert closed.is_set() and not capture.thread.is_alive()


def test_a_source_that_drops_is_opened_again(capsys):
    class Lens:
        name = "camera 0"

        def __init__(self, count):
            self.count, self.closed = count, False

        def __iter__(self):
            return numbered(self.count)

        def close(self):
            self.closed = True

    waits = []

    class Patience(threading.Event):
        def wait(self, timeout):
            waits.append(timeout)

    tries = iter([None] * 5 + [Lens(2), Lens(1)])
    made = [Lens(3)]

    def open_again():
        lens = next(tries, None)
        if lens is None:
            raise BadVideoError("rtsp://camera", "Connection refused")
        made.append(lens)
        return lens

    frames = reconnecting(made[0], open_again, Patience())
    seen = [next(frames) for _ in range(6)]
    frames.close()
    assert [frame for _, frame in seen] == [f"frame {n}" for n in (0, 1, 2, 0, 1, 0)]
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert waits == [0.5, 1, 2, 4, 8, 10, 0.5]
    assert all(lens.closed for lens in made) and len(made) == 3
    said = capsys.readouterr().out
    assert (
        said.count("camera 0 dropped (it ended)") == 2 and said.count("(Connection refused)") == 5
    )
    assert said.count("camera 0 is back") == 2


@pytest.mark.parametrize("path", ["mjpeg", "ts"])
def test_frames_of_a_network_camera(path, stop):
    with CameraServer() as server:
        frames, fps, is_live = open_source(server.url(path), None, show=False, stop=stop)
        assert is_live and fps > 0
        seen = []
        for seconds, frame in frames:
            seen.append((seconds, frame, time.monotonic()))
            if len(seen) == 15:
                stop.set()
        frames.close()
    assert seen[0][1].shape == (48, 64, 3)
    for _, frame, _ in seen[3:]:  # each is one of the camera's, in its colours
        assert min(np.abs(frame.astype(int) - sent).mean() for sent in server.frames) < 6
    times = [seconds for seconds, _, _ in seen]
    assert times == sorted(times)
    moments = [moment for _, _, moment in seen]  # it is their arrival that counts
    np.testing.assert_allclose(
        np.subtract(times, times[0]), np.subtract(moments, moments[0]), atol=0.2
    )


def test_sources_that_cannot_be_opened(stop):
    with CameraServer() as server, refuses("video", "404", server.url("gone")):
        open_source(server.url("gone"), None, False, stop)
    with pytest.raises(BadVideoError, match="refused") as raised:
        open_source(f"http://user:secret@127.0.0.1:{server.port}/ts", None, False, stop)
    assert "secret" not in str(raised.value)
    with refuses("camera", "number or path", "/dev/video77"):
        Camera("/dev/video77")


def test_a_stream_is_reset_after_a_gap(online):
    runner, seen, frames = StreamRunner(online), [], video_frames(2, 32, 32, 3)
    step = runner.step
    runner.step = lambda frame: seen.append(step(frame)) or seen[-1]
    for max_gap in (None, 2.0):
        session = Session(runner, Smoother(runner.labels), max_gap)
        for number, seconds in enumerate((0.0, 2.5)):
            session.step(number, seconds, frames[number])
        runner.reset()
    Session(runner, Smoother(runner.labels)).step(0, 0.0, frames[1])
    fresh = seen[-1]
    assert not np.array_equal(seen[1], fresh) and np.array_equal(seen[3], fresh)


@pytest.mark.parametrize(
    "source, fps, taken, dropped", [(20, 5, [0, 4, 8, 12, 16], 0), (4, 8, [0, 1, 2, 3], 3)]
)
def test_frames_come_at_the_models_rate(source, fps, taken, dropped):
    frames = AtRate([(i / source, None) for i in range(source)], fps)
    assert [number for number, _, _ in frames] == taken and frames.dropped == dropped


def test_rate_of_the_output():
    assert (output_fps(30, 8.0), output_fps(5, 8.0), output_fps(30, None)) == (8.0, 5, 15.0)


def test_without_a_rate_every_second_frame():
    assert [number for number, _, _ in AtRate([(i / 30, None) for i in range(7)], None)] == [
        0,
        2,
        4,
        6,
    ]


def test_camera_frames_are_rgb(tmp_path):
    frames = moving_square(5)
    video = encode(
        tmp_path / "camera.avi", frames, codec="mjpeg", pix_fmt="yuvj444p", options={"q": "1"}
    )
    camera = Camera(str(video))  # OpenCV reads files by the same calls
    seconds, seen = zip(*camera, strict=True)
    assert np.abs(np.stack(seen).astype(int) - frames).mean() < 4 and list(seconds) == sorted(
        seconds
    )


def test_a_watched_file_plays_at_its_own_speed(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    moments = []
    for seconds, _ in at_natural_speed([(0.0, None), (0.5, None), (0.7, None), (0.8, None)]):
        moments.append((seconds, now[0]))
        now[0] += 0.15  # what the model takes
    assert [m for m, _ in moments] == [0.0, 0.5, 0.7, 0.8]
    np.testing.assert_allclose([m for _, m in moments], [0.0, 0.5, 0.7, 0.85])


STARTED = []


@pytest.fixture(autouse=True)
def end_what_was_started():
    yield
    for process in STARTED:
        with process:  # closes the pipes
            process.kill()
    STARTED.clear()


def live(*arguments, **popen):
    code = (
        "import runpy, sys; sys.modules.update(keras=None, tensorflow=None); "
        "runpy.run_module('export.live', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-u", "-c", code, *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
    )
    STARTED.append(process)
    return process


def rows_of(folder):
    with (folder / "frames.csv").open(encoding="utf-8") as file:
        return [
            {k: v for k, v in row.items() if k != "milliseconds"} for row in csv.DictReader(file)
        ]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["mjpeg", "ts", "rtsp"])
def test_live_continues_when_the_camera_is_back(online, tmp_path, path):
    said = []
    with RtspServer(tmp_path) if path == "rtsp" else CameraServer() as server:
        process = live(
            f"--model={online}", f"--video={server.url(path)}", f"--output={tmp_path / 'out'}"
        )
        reader = threading.Thread(target=lambda: said.extend(process.stdout))
        reader.start()
        csv_file = tmp_path / "out" / ".writing.frames.csv"
        try:
            wait_for(csv_file.exists)
            time.sleep(1.5)
            server.stop()
            wait_for(lambda: any("Connection refused" in line for line in said))
            server.start()
            wait_for(lambda: any("is back" in line for line in said))
            time.sleep(1.5)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130, process.stderr.read()
        finally:
            process.kill()
        reader.join()
    assert any(f"{server.url(path)} dropped" in line for line in said)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "frames.csv",
        "stream.gif",
        "stream.mp4",
    ]
    rows = rows_of(tmp_path / "out")
    times = [float(row["seconds"]) for row in rows]
    gap = int(np.argmax(np.diff(times)))
    assert (
        np.diff(times)[gap] > 0.5 and gap >= 2 and len(times) - gap > 3
    )  # frames before and after
    with av.open(str(tmp_path / "out" / "stream.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(rows)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("sources") / "video.ts", moving_square(30, 120, 160))


def test_standard_input_gives_what_the_file_gives(online, video, tmp_path):
    with video.open("rb") as file:
        piped = live(f"--model={online}", "--video=-", f"--output={tmp_path / 'piped'}", stdin=file)
        assert piped.wait(60) == 0, piped.stderr.read()
    read = live(f"--model={online}", f"--video={video}", f"--output={tmp_path / 'read'}")
    assert read.wait(60) == 0, read.stderr.read()
    assert (
        rows_of(tmp_path / "piped") == rows_of(tmp_path / "read")
        and len(rows_of(tmp_path / "read")) == 15
    )


def test_standard_input_that_stalls_can_be_stopped(online, video, tmp_path):
    process = live(
        f"--model={online}", "--video=-", f"--output={tmp_path / 'out'}", stdin=subprocess.PIPE
    )
    process.stdin.buffer.write(video.read_bytes())
    process.stdin.buffer.flush()
    wait_for((tmp_path / "out" / ".writing.stream.mp4").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    assert rows_of(tmp_path / "out") and (tmp_path / "out" / "stream.mp4").exists()


def test_standard_input_that_breaks_off(online, tmp_path):
    frames = np.tile(moving_square(40, 120, 160), (3, 1, 1, 1))
    content = bytearray(encode(tmp_path / "broken.mkv", frames).read_bytes())
    start = len(content) // 2
    content[start : start + 3000] = bytes(3000)
    (tmp_path / "broken.mkv").write_bytes(content)
    ends = []
    with (tmp_path / "broken.mkv").open("rb") as file:
        for name, how in (("-", {"stdin": file}), (file.name, {})):
            output = tmp_path / f"out{len(ends)}"
            process = live(f"--model={online}", f"--video={name}", f"--output={output}", **how)
            ends.append((process.wait(60), rows_of(output)))
            said = process.stderr.read()
            assert "must be a video that can be decoded" in said and "Traceback" not in said
    assert ends[0] == ends[1] and ends[0][0] == 1 and ends[0][1]


def test_a_file_behind_a_url_is_read_to_its_end(online, video, tmp_path):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=video.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        url = f"http://127.0.0.1:{server.server_port}/{video.name}"
        process = live(f"--model={online}", f"--video={url}", f"--output={tmp_path / 'out'}")
        try:
            assert process.wait(30) == 0, process.stderr.read()
        finally:
            process.kill()
            server.shutdown()
    assert len(rows_of(tmp_path / "out")) == 15
