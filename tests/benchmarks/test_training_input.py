import csv
import subprocess
import sys

import numpy as np
import pytest
from videos import write_data

from benchmarks.run import ROOT
from benchmarks.training_input import bare_loop
from tsm_tf.data.listing import Listing
from tsm_tf.data.sampling import train_indices


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 4, "val": 1})


def test_the_loop_converts_the_frames_of_the_clips(data):
    videos = Listing(data).videos("train")
    expected = 0
    for number, video in enumerate(videos):
        rng = np.random.default_rng((0, number))
        expected += len(set(train_indices(video.num_frames, 8, rng).tolist()))
    assert bare_loop(videos, 8) == expected > 4 * 5


@pytest.mark.slow
def test_command(data, tmp_path):
    flags = (f"--data={data}", "--batch_size=2", "--rounds=2", f"--output={tmp_path}")
    command = [sys.executable, "-m", "benchmarks.training_input", *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr

    (path,) = tmp_path.glob("training_input-uint8-*-av_*.csv")
    with path.open() as file:
        (row,) = csv.DictReader(file)
    assert (row["videos"], row["rounds"]) == ("4", "2")
    assert float(row["pipeline_videos_per_s"]) > 0 and float(row["bare_loop_videos_per_s"]) > 0
