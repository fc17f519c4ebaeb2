"""From a camera to a recogniser, by the commands of the docs; a video is the camera."""

import csv
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from videos import encode

ROOT = pathlib.Path(__file__).parent.parent.parent.parent
COLORS = {"red": (220, 30, 30), "green": (30, 220, 30), "nothing": (40, 40, 60)}
FPS = 10
COUNTDOWN, SECONDS, CLIPS = 0.5, 1.5, 6


def film(path, names, seconds):
    """Frames of noise in the colour of each class, one class after the other."""
    rng = np.random.default_rng(0)
    frames = [
        np.clip(np.array(COLORS[name]) + rng.integers(-25, 26, (48, 64, 3)), 0, 255)
        for name in names
        for _ in range(round(FPS * seconds))
    ]
    return encode(path, np.stack(frames).astype(np.uint8), rate=FPS)


def run(*command):
    command = [sys.executable, "-m", *map(str, command)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_three_commands(tmp_path):
    """The first frame of a countdown is the one after a clip."""
    clip = COUNTDOWN + SECONDS + 1 / FPS
    camera = film(tmp_path / "camera.mp4", COLORS, CLIPS * clip)
    data, model = tmp_path / "data" / "mine", tmp_path / "runs" / "mine"

    shown = run(
        *("tsm_tf.data.record", f"--classes={','.join(COLORS)}", f"--output={data}"),
        *(f"--video={camera}", "--noshow", f"--clips={CLIPS}", f"--seconds={SECONDS}"),
        f"--countdown={COUNTDOWN}",
    )
    assert shown.count("frames, train/") == 15 and shown.count("frames, val/") == 3

    shown = run(
        *("tsm_tf.training", "--recipe=gestures", f"--data={data}", f"--output={model}"),
        *("--backbone=resnet18", "--width=1", "--num_segments=4", "--input_size=32"),
        *("--epochs=8", "--batch_size=5", "--optimizer=sgd", "--learning_rate=0.01"),
    )
    assert "15 videos to train on, 3 to validate, 3 classes" in shown

    names = ("nothing", "red", "nothing", "green", "nothing")
    test = film(tmp_path / "test.mp4", names, 2)
    output = tmp_path / "out"
    shown = run("export.live", f"--model={model}", f"--video={test}", f"--output={output}")
    assert "event: red" in shown and "event: green" in shown and "event: nothing" not in shown
    with (output / "frames.csv").open() as file:
        events = [row["event"] for row in csv.DictReader(file) if row["event"]]
    assert events == ["red", "green"]
