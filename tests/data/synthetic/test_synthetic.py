import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from testing import refuses

from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.video_file import probe, read_frames
from tsm_tf.data.synthetic.gestures import LABELS, gesture_frames, hand_poses
from tsm_tf.data.synthetic.render import render


def test_a_pair_has_the_same_poses_at_every_moment():
    """Forwards and backwards each pose is equally likely, so no frame tells the two of a pair apart."""
    for label in range(0, 8, 2):
        one, other = (
            np.stack([hand_poses(member, np.random.default_rng(seed), 30) for seed in range(600)])
            for member in (label, label + 1)
        )
        reverse = one[:, ::-1]
        spread = one.std((0, 1)) + 1e-9
        np.testing.assert_allclose(other.mean(0) / spread, reverse.mean(0) / spread, atol=0.25)
        frames = (
            slice(None),
            slice(None),
            {0: 0, 2: 1, 4: 2, 6: 3}[label],
        )  # what moves: x, y, size, angle
        for quantile in (0.1, 0.5, 0.9):
            a, b = np.quantile(one[frames], quantile), np.quantile(other[frames], quantile)
            assert abs(a - b) < 0.15 * spread[frames[2]]


def test_playing_backwards_turns_a_class_into_its_pair():
    forwards, _ = gesture_frames(0, (7,))
    backwards, _ = gesture_frames(0, (7,), reverse=True)
    np.testing.assert_array_equal(forwards[::-1], backwards)


def test_same_seed_same_bytes_and_no_seed_in_common(tmp_path):
    counts = {"train": 9, "val": 9}
    render(tmp_path / "one", counts, workers=1)
    render(tmp_path / "two", counts, workers=2)
    listing = Listing(tmp_path / "one")
    videos = {split: listing.videos(split) for split in counts}
    contents = set()
    for video in (*videos["train"], *videos["val"]):
        content, twin = ((tmp_path / n / video.name).read_bytes() for n in ("one", "two"))
        assert content == twin
        contents.add(content)
    assert len(contents) == 18
    assert [video.label for video in videos["val"]] == list(range(9)) and listing.labels == LABELS
    assert len(read_frames(videos["train"][0].path, range(videos["train"][0].num_frames))) >= 24
    assert (tmp_path / "one" / "contact_sheet.png").stat().st_size > 10_000


def test_goes_on_where_it_was_stopped(tmp_path):
    counts = {"train": 9, "val": 9}
    render(tmp_path, counts, workers=1)
    lost, kept = tmp_path / "videos/train/00003.mp4", tmp_path / "videos/train/00004.mp4"
    content, before = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    render(tmp_path, counts, workers=1)
    assert lost.read_bytes() == content and kept.stat().st_mtime_ns == before


def test_refuses_a_folder_with_something_else(tmp_path):
    (tmp_path / "mine.txt").touch()
    with refuses("output", "new or empty"):
        render(tmp_path, {"train": 9, "val": 9})
    (tmp_path / "mine.txt").unlink()
    render(tmp_path, {"train": 9, "val": 9}, workers=1)
    with refuses("output", "another seed", "has 0"):
        render(tmp_path, {"train": 9, "val": 9}, seed=1)


@pytest.mark.parametrize("label", range(9))
def test_every_class_moves_as_its_name_says(label):
    pose = hand_poses(label, np.random.default_rng(5), 30)
    change = pose[-1] - pose[0]
    expected = {
        0: (0, -1),
        1: (0, 1),
        2: (1, -1),
        3: (1, 1),
        4: (2, 1),
        5: (2, -1),
        6: (3, 1),
        7: (3, -1),
    }
    if label in expected:
        column, sign = expected[label]
        assert sign * change[column] > (20 if column == 3 else 0.1)
    else:
        assert np.abs(change[:2]).max() < 0.1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_stopped_and_run_again(tmp_path, stop):
    """Ctrl-C and a kill leave whole videos and no process behind; the same command goes on."""
    output = tmp_path / "gestures"
    command = [
        sys.executable,
        "-m",
        "tsm_tf.data.synthetic",
        f"--output={output}",
        "--num_train=72",
        "--num_val=9",
    ]
    process = subprocess.Popen(
        [*command, "--workers=2"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(list(output.glob("videos/train/0*.mp4"))) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, stop) if stop == signal.SIGINT else process.kill()
    _, errors = process.communicate()  # returns when the last process that holds stderr has ended
    assert (
        process.returncode == (130 if stop == signal.SIGINT else -stop)
        and "Traceback" not in errors
    )
    kept = {path: path.stat().st_mtime_ns for path in output.glob("videos/train/0*.mp4")}
    assert not (output / "train.txt").exists() and 5 <= len(kept) < 72
    subprocess.run(command, check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    videos = Listing(output).videos("train")
    assert len(videos) == 72 and not list(output.rglob(".*"))
    for video in videos:
        assert probe(video.path).num_frames == video.num_frames


def test_a_finished_folder_is_left_alone(tmp_path):
    render(tmp_path, {"train": 9, "val": 9}, workers=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    render(tmp_path, {"train": 9, "val": 9}, workers=1)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (tmp_path / "file").touch()
    with refuses("output", "must be a folder"):
        render(tmp_path / "file", {"train": 9, "val": 9})


def test_no_gesture_ends_where_it_began():
    poses = np.stack([hand_poses(8, np.random.default_rng(seed), 30) for seed in range(100)])
    moves = np.abs(poses[:, :, :2] - poses[:, :1, :2]).max((1, 2))
    assert (moves > 0.07).any() and (moves < 0.05).any() and (poses[:, :, 2] == 0).all(1).any()
    assert np.abs(poses[:, 0, :2] - poses[:, -1, :2]).max() < 0.05  # of jitter
