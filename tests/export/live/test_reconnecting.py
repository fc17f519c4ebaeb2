"""Sources that drop, break off or stall: `reconnecting`, and the command in processes."""

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
from videos import encode, moving_square

from export.live.sources import reconnecting
from tsm_tf.data.sources.bad_video import BadVideoError


def test_a_source_that_drops_is_opened_again(capsys):
    class Lens:
        name = "camera 0"

        def __init__(self, count):
            self.count, self.closed = count, False

        def __iter__(self):
            return ((n, f"frame {n}") for n in range(self.count))

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


@pytest.mark.parametrize(
    "path",
    [
        "mjpeg",
        pytest.param("ts", marks=pytest.mark.slow),
        pytest.param("rtsp", marks=pytest.mark.slow),
    ],
)
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
            assert process.wait(60) == 143, process.stderr.read()
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
    assert process.wait(20) == 143
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
