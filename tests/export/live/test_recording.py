import contextlib
import os
import resource
import shutil
import signal
import subprocess

import av
import numpy as np
import pytest
from PIL import Image
from testing import refuses, video_frames

from export.live.recording import CSV, GIF, MP4, Recording


def video_of(folder):
    """The frames of the MP4 and their times."""
    with av.open(str(folder / MP4)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]


def test_gif_plays_at_the_frames_own_times(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)) as recording:
        for number, seconds in enumerate((0.0, 0.1, 0.4)):
            recording.write(video_frames(64, 64, 3, seed=number), seconds, {"n": number})
    durations = []
    with Image.open(tmp_path / "stream.gif") as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert durations == [100, 300, 100]
    assert (tmp_path / "frames.csv").read_text() == "n\n0\n1\n2\n"


def test_without_a_frame_only_the_csv(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["frames.csv"]


def test_an_error_leaves_whole_files(tmp_path):
    with pytest.raises(RuntimeError), Recording(tmp_path, 10.0, ("n",)) as recording:
        recording.write(video_frames(64, 64, 3), 0.0, {"n": 0})
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "frames.csv",
        "stream.gif",
        "stream.mp4",
    ]


def test_rows_are_in_the_file_at_once(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)) as recording:
        recording.write(video_frames(64, 64, 3), 0.0, {"n": "first"})
        assert (tmp_path / f".writing.{CSV}").read_text() == "n\nfirst\n"


def test_frames_of_another_size_are_fitted_into_the_first(tmp_path):
    shapes = [(64, 96), (64, 96), (128, 64), (32, 96), (64, 96)]
    with Recording(tmp_path, 10.0, ("n",)) as recording:
        for number, (height, width) in enumerate(shapes):
            picture = np.full((height, width, 3), 200, np.uint8)
            recording.write(picture, number / 10, {"n": number})
    frames, times = video_of(tmp_path)
    np.testing.assert_allclose(times, np.arange(5) / 10, atol=2e-3)
    assert {frame.shape for frame in frames} == {(64, 96, 3)}
    bright = [np.argwhere(frame.min(axis=2) > 100) for frame in frames]
    boxes = [(*b.min(axis=0), *(b.max(axis=0) + 1)) for b in bright]
    np.testing.assert_allclose(boxes[2], (0, 32, 64, 64), atol=2)  # tall
    np.testing.assert_allclose(boxes[3], (16, 0, 48, 96), atol=2)  # wide
    assert boxes[0] == boxes[4] == (0, 0, 64, 96)
    with Image.open(tmp_path / GIF) as gif:
        assert gif.n_frames >= 2


def test_times_that_step_back_or_leap(tmp_path):
    with Recording(tmp_path, 10.0, ("n",)) as recording:
        for number, seconds in enumerate((5.0, 5.1, 0.0, 0.0, 5.2, 4000.0, 90_000.0)):
            recording.write(video_frames(64, 64, 3, seed=number), seconds, {"n": number})
    _, times = video_of(tmp_path)
    expected = [5.0, 5.1, 5.101, 5.102, 5.2, 4000, 90_000]
    np.testing.assert_allclose(np.subtract(times, times[0]), np.subtract(expected, 5.0), atol=2e-3)
    assert len((tmp_path / CSV).read_text().splitlines()) == 8
    with Image.open(tmp_path / GIF) as gif:
        assert gif.n_frames == 7


@contextlib.contextmanager
def small_disk(folder, size):
    """A disk with that many bytes; a limit for each file if it cannot be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(command, capture_output=True).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        return

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [4096, 65_536, 300_000, 1_000_000])
def test_a_full_disk(tmp_path, size):
    noise = video_frames(160, 192, 3)
    noise[::3, ::5] = 255
    with small_disk(tmp_path / "disk", size):
        output = tmp_path / "disk" / "out"
        with (
            refuses("output", "must be writable and have free space", str(output)) as raised,
            Recording(output, 8.0, ("n", "text")) as recording,
        ):
            for n in range(400):
                picture = np.random.default_rng(n).permutation(noise, axis=0)
                recording.write(picture, n / 8, {"n": n, "text": 40 * "x"})

        if size < 100_000:  # nothing blocks the same command
            assert "nothing was recorded" in str(raised.value)
            assert not list((tmp_path / "disk").iterdir())
            return
        assert f"what was recorded before was kept: {CSV}, {MP4}" in str(raised.value)
        assert sorted(os.listdir(output)) == [CSV, MP4]
        frames, times = video_of(output)  # whole: no frame is undecodable
        np.testing.assert_allclose(times, np.arange(len(frames)) / 8, atol=2e-3)
        rows = (output / CSV).read_text().splitlines()[1:]
        assert rows == [f"{n},{40 * 'x'}" for n in range(len(rows))]
        assert len(rows) >= len(frames) >= 8


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with (
        refuses("output", "Not a directory", "nothing was recorded"),
        Recording(tmp_path / "file" / "out", 8.0, ("n",)),
    ):
        pytest.fail("recording")


def test_the_error_of_the_frames_comes_before_that_of_the_disk(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(RuntimeError), Recording(tmp_path, 10.0, ("n",)) as recording:
        recording.write(video_frames(64, 64, 3), 0.0, {"n": 0})
        raise RuntimeError
    assert sorted(os.listdir(tmp_path)) == [CSV, MP4]
    with (
        refuses("output", "No space left", f"was kept: {CSV}, {MP4}"),
        Recording(tmp_path, 10.0, ("n",)) as recording,
    ):
        recording.write(video_frames(64, 64, 3), 0.0, {"n": 0})
