import os
import signal
import subprocess
import sys
import time

import pytest
from testing import refuses

from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import read_frames
from tsm_tf.data.synthetic.gestures import LABELS
from tsm_tf.data.synthetic.render import render


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


def test_an_interrupted_rendering_is_completed(tmp_path):
    counts = {"train": 9, "val": 9}
    render(tmp_path, counts, workers=1)
    lost, kept = tmp_path / "videos/train/00003.mp4", tmp_path / "videos/train/00004.mp4"
    content, before = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    render(tmp_path, counts, workers=1)
    assert lost.read_bytes() == content and kept.stat().st_mtime_ns == before


def test_a_folder_with_something_else(tmp_path):
    (tmp_path / "mine.txt").touch()
    with refuses("output", "new or empty"):
        render(tmp_path, {"train": 9, "val": 9})
    (tmp_path / "mine.txt").unlink()
    render(tmp_path, {"train": 9, "val": 9}, workers=1)
    with refuses("output", "another seed", "has 0"):
        render(tmp_path, {"train": 9, "val": 9}, seed=1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_command_is_resumed(tmp_path, stop):
    """Ctrl-C and SIGTERM to all its processes, and a kill, leave complete videos and no process."""
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
    process.kill() if stop == signal.SIGKILL else os.killpg(process.pid, stop)
    _, errors = process.communicate()  # returns when all processes are gone
    assert process.returncode == (-stop if stop == signal.SIGKILL else 128 + stop)
    assert "Traceback" not in errors
    if stop != signal.SIGKILL:
        name = "Ctrl-C" if stop == signal.SIGINT else "SIGTERM"
        assert errors == f"stopped by {name}\n" and not list(output.rglob(".*"))
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
