import csv
import json
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from jester import LABELS
from PIL import Image
from videos import encode, moving_square, natural_videos

from export.live import AtRate
from export.smoothing import Smoother


def test_official_smoothing(golden_dir):
    for case in json.loads((golden_dir / "demo_smoothing.json").read_text())["cases"]:
        smoother = Smoother(LABELS)
        assert [smoother.refine(predicted) for predicted in case["predicted"]] == case["shown"]


def test_smoothing_averages_twelve_steps():
    smoother = Smoother(("x", "y"))
    steps = [[1.0, 0.0]] * 6 + [[0.0, 1.0]] * 12
    shown = [smoother.step(np.array(logits)) for logits in steps]
    assert shown == [0] * 12 + [1] * 6  # after six against six the first of equals stays


def test_other_labels_have_no_special_classes():
    smoother = Smoother(("No gesture", "Turning Hand Clockwise"))
    assert [smoother.refine(1) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("source, fps, taken, dropped", [(20, 5, [0, 4, 8, 12, 16], 0), (4, 8, [0, 1, 2, 3], 3)])
def test_frames_come_at_the_models_rate(source, fps, taken, dropped):
    frames = AtRate([(i / source, None) for i in range(source)], fps)
    assert [number for number, _, _ in frames] == taken and frames.dropped == dropped


def test_without_a_rate_every_second_frame():
    assert [number for number, _, _ in AtRate([(i / 30, None) for i in range(7)], None)] == [0, 2, 4, 6]


def command(*arguments):
    return [sys.executable, "-m", "export.live", *map(str, arguments)]


def assert_whole(folder):
    with av.open(str(folder / "stream.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with (folder / "frames.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(frames) == len(rows) > 0 and frames[0].shape[0] > 320
    with Image.open(folder / "stream.gif") as gif:
        assert gif.n_frames >= 1
    return rows


@pytest.mark.parametrize("path", natural_videos()[:2], ids=lambda path: path.stem)
def test_natural_video(online, tmp_path, path):
    done = subprocess.run(
        command(f"--model={online}", f"--video={path}", f"--output={tmp_path}"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = assert_whole(tmp_path)
    gaps = np.diff([float(row["seconds"]) for row in rows])
    assert gaps.mean() == pytest.approx(1 / 5, rel=0.1)
    assert "the model's 5 frames/s" in done.stdout and "frames dropped" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way_leaves_whole_files(online, tmp_path, number):
    video = encode(
        tmp_path / "long.mp4", np.tile(moving_square(40, 240, 320), (20, 1, 1, 1)), options={"preset": "ultrafast"}
    )
    process = subprocess.Popen(
        command(f"--model={online}", f"--video={video}", f"--output={tmp_path / 'out'}"), stderr=subprocess.PIPE
    )
    while not (tmp_path / "out" / "stream.mp4").is_file() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(number)
    assert process.wait(30) in (130, 0), process.stderr.read()
    assert_whole(tmp_path / "out")


def test_refuses(online, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for arguments, part in (
        ([f"--output={tmp_path / 'o'}"], "`video` must be given"),
        (["--video=gone.mp4", f"--output={tmp_path / 'o'}"], "gone.mp4"),
        (["--video=gone.mp4"], "`output`"),
        (["--video=gone.mp4", f"--output={tmp_path / 'full'}"], "`output` must be a new"),
        (["--camera=77", f"--output={tmp_path / 'o'}"], "`camera`"),
    ):
        done = subprocess.run(command(f"--model={online}", *arguments), capture_output=True, text=True)
        assert done.returncode == 1 and part in done.stderr and "Traceback" not in done.stderr, done.stderr
