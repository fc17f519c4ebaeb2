"""Covers `data_loading` and `video_reading`."""

import csv
import dataclasses
import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import data_loading, video_reading
from benchmarks.run import ROOT
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import read_frames

INDICES = [2, 5, 11]


@pytest.fixture(params=video_reading.VIDEOS, ids=lambda kind: kind.suffix)
def video(request, tmp_path):
    kind = dataclasses.replace(request.param, frames=12)
    return kind, video_reading.write_video(tmp_path / f"a.{kind.suffix}", kind, 0)


def test_the_readers_read_the_same_frames(video):
    kind, path = video
    info = probe(path)
    assert (info.num_frames, info.width, info.height) == (12, kind.width, kind.height)
    frames = video_reading.read_bare(path, INDICES)
    assert frames.shape == (3, kind.height, kind.width, 3) and frames.std() > 20
    assert np.abs(frames.astype(int) - read_frames(path, INDICES)).mean() < 6

    resized = video_reading.read_resized(path, INDICES)
    assert min(resized.shape[1:3]) == 256
    if importlib.util.find_spec("decord"):
        decord = video_reading.read_decord(path, INDICES)
        assert np.abs(decord.astype(int) - resized).mean() < 6


def test_conclusions_say_what_is_reached_and_what_limits():
    row = {"videos": "a", "bare_ratio": 0.96, "decord_ratio": 0.9, "decoding_share": "80%"}
    assert video_reading.conclusions([row, {**row, "decord_ratio": ""}]) == [
        "a: bare_ratio 0.96 of at least 0.95: reached",
        "a: decord_ratio 0.9 of at least 1.0: MISSED",
        "a: limited by decoding, 80% of the time",
        "a: bare_ratio 0.96 of at least 0.95: reached",
        "a: limited by decoding, 80% of the time",
    ]


@pytest.mark.parametrize("part", data_loading.PARTS)
def test_every_part_can_be_run(part):
    if part != "video_files":
        pytest.importorskip("apache_beam", reason="Beam writes the shards that are measured")
    module = importlib.import_module(data_loading.PARTS[part])
    assert callable(module.measure) and callable(module.conclusions) and module.PACKAGE


@pytest.mark.slow
def test_command(tmp_path):
    """Video files are read at least as fast as by decord, in the best of three measurements."""
    command = [sys.executable, "-m", "benchmarks.data_loading", "--parts=video_files"]
    best = {}
    for _ in range(3):
        done = subprocess.run(
            [*command, "--rounds=5", f"--output={tmp_path}"],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert done.returncode == 0 and "limited by decoding" in done.stdout, done.stderr
        (path,) = tmp_path.glob("data_loading_video_files-uint8-*-av_*.csv")
        with path.open() as file:
            for row in csv.DictReader(file):
                ratio = float(row["decord_ratio"] or "nan")  # nan: decord is not installed
                best[row["videos"]] = max(ratio, best.get(row["videos"], ratio))
        if not any(ratio < video_reading.DECORD_RATIO for ratio in best.values()):
            break
    assert not any(ratio < video_reading.DECORD_RATIO for ratio in best.values()), best


def test_an_unknown_part(tmp_path):
    command = [sys.executable, "-m", "benchmarks.data_loading", "--parts=videos"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "error: `parts` must be from video_files" in done.stderr
