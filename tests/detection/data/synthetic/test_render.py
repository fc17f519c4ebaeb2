"""Covers `pictures` and the command too."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from testing import refuses

from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.detection.data.picture import read_picture
from tsm_tf.detection.data.synthetic.render import render
from tsm_tf.detection.data.synthetic.scene import LABELS

COUNTS = {"train": 3, "val": 3}


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    output = tmp_path_factory.mktemp("rendered") / "with spaces"
    render(output, COUNTS, workers=1)
    return output


def test_same_seed_same_bytes_with_any_number_of_workers(shapes, tmp_path):
    render(tmp_path, COUNTS, workers=2)  # the other folder was rendered without processes
    assert contents(tmp_path) == contents(shapes)
    pictures = [path.read_bytes() for path in shapes.rglob("*.JPEG")]
    assert len(pictures) == len(set(pictures)) == 3 * 24 + 3 * 32


def test_it_is_a_published_layout(shapes):
    listing = DetectionListing(shapes)
    assert listing.labels == LABELS
    train, val = listing.videos("train"), listing.videos("val")
    assert [(len(video.frames), video.key_frames) for video in train] == [(24, None)] * 3
    assert [(len(video.frames), video.first_id) for video in val] == [(32, 1), (32, 33), (32, 65)]
    names = [(video.name, video.first_id) for video in listing.videos("VID_val_frames")]
    assert names == [(video.name, video.first_id) for video in val]

    degraded = []
    for frame in val[1].frames:
        assert read_picture(frame).shape == (96, 96, 3)
        assert len(frame.boxes) in (1, 2, 3)
        assert frame.tracks.tolist() == list(range(len(frame.boxes)))
        degraded += frame.degraded.tolist()
    assert not val[1].frames[0].degraded.all() and 0 < np.mean(degraded) < 1


def test_an_overview_is_written(shapes):
    sheet = cv2.imread(str(shapes / "contact_sheet.png"))
    assert sheet.shape == (24 + 3 * 192, 10 * 192, 3)
    with Image.open(shapes / "videos.gif") as gif:
        assert gif.size == (2 * 192, 2 * 192) and gif.n_frames == 32


def test_an_interrupted_rendering_is_completed(tmp_path):
    render(tmp_path, {"train": 1, "val": 1}, workers=1)
    expected = contents(tmp_path)
    last = next(tmp_path.glob("Annotations/VID/train/*/000023.xml"))
    kept = next(tmp_path.glob("Data/VID/val/*/000000.JPEG"))
    before = kept.stat().st_mtime_ns
    last.unlink()
    next(tmp_path.glob("Data/VID/train/*/000020.JPEG")).unlink()
    render(tmp_path, {"train": 1, "val": 1}, workers=1)
    assert contents(tmp_path) == expected and kept.stat().st_mtime_ns == before


def test_a_folder_with_something_else(shapes, tmp_path):
    (tmp_path / "mine.txt").touch()
    with refuses("output", "new or empty"):
        render(tmp_path, COUNTS)
    with refuses("output", "another seed", "has 0"):
        render(shapes, COUNTS, seed=1)


@pytest.mark.slow  # `tests/data/synthetic/test_render.py` tests the same way of stopping
def test_a_stopped_command_is_resumed(tmp_path):
    output = tmp_path / "shapes"
    command = [
        sys.executable,
        "-m",
        "tsm_tf.detection.data.synthetic",
        f"--output={output}",
        "--num_train=60",
        "--num_val=1",
    ]
    process = subprocess.Popen(
        [*command, "--workers=2"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(list(output.glob("Data/VID/train/*"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate()  # returns when all processes are gone
    assert process.returncode == 128 + signal.SIGTERM and errors == "stopped by SIGTERM\n"
    assert not list(output.rglob(".writing*")) and not (output / "ImageSets").exists()

    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "61 of 61 videos rendered" in done.stdout and "contact_sheet.png" in done.stdout
    assert [len(v.frames) for v in DetectionListing(output).videos("train")] == [24] * 60
    assert len(list(output.glob("Data/VID/*/*/*.JPEG"))) == 60 * 24 + 32
