"""`python -m tsm_tf.data.flow`, in process and as a command: `extract` and `folder`."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from testing import refuses
from videos import encode, encode_damaged, moving_square, write_data

from tsm_tf.data.flow.computed import video_flow
from tsm_tf.data.flow.extract import extract_flow
from tsm_tf.data.flow.tv_l1 import FlowSettings
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders

QUICK = FlowSettings(short_side=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 2, "val": 1}, size=(40, 32))


@pytest.fixture(scope="module")
def output(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("flow") / "out"
    assert extract_flow(Listing(data), output, QUICK, workers=2) == {"train": 2, "val": 1}
    return output


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_stores_flow_as_the_field_does(data, output):
    assert (output / "labels.txt").read_text() == "Swiping Left\nSwiping Right\n"
    lines = (output / "train.txt").read_text().splitlines()
    assert lines == ["'flow/train 0' 9 0", "'flow/train 1' 10 1"]
    names = sorted(os.listdir(output / "flow" / "train 1"))
    expected = [f"flow_{axis}_{number:05d}.jpg" for axis in "xy" for number in range(1, 11)]
    assert names == expected

    stored = FlowFolders().read(str(output / "flow" / "train 1"), range(10), None)
    np.testing.assert_array_equal(stored, video_flow(data / "train 1.mp4", QUICK))


def test_continues_with_the_next_frame(data, output, tmp_path, capsys):
    whole, copy = contents(output), tmp_path / "out"
    extract_flow(Listing(data), copy, QUICK, workers=1)
    assert contents(copy) == whole  # whatever the number of processes

    folder, unfinished = copy / "flow" / "val 0", copy / "flow" / ".unfinished.val 0"
    folder.rename(unfinished)
    (unfinished / "flow_y_00004.jpg").unlink()  # as if killed between x and y
    kept = (unfinished / "flow_x_00002.jpg").stat().st_mtime_ns
    (copy / "train.txt").unlink()
    capsys.readouterr()
    extract_flow(Listing(data), copy, QUICK, workers=1)
    assert contents(copy) == whole and not unfinished.exists()
    assert (folder / "flow_x_00002.jpg").stat().st_mtime_ns == kept
    assert "3/3 videos, 28 flow frames" in capsys.readouterr().out


def test_lists_may_get_more_videos(tmp_path, capsys):
    folder = write_data(tmp_path / "data", {"train": 1}, size=(40, 32))
    extract_flow(Listing(folder), tmp_path / "out", QUICK, workers=1)
    kept = contents(tmp_path / "out" / "flow")
    encode(folder / "b.mp4", moving_square(4, 32, 40))
    with (folder / "train.txt").open("a") as file:
        file.write("b.mp4 4 1\n")
    extract_flow(Listing(folder), tmp_path / "out", QUICK, workers=1)
    assert kept.items() < contents(tmp_path / "out" / "flow").items()
    assert (tmp_path / "out" / "train.txt").read_text() == "'flow/train 0' 9 0\nflow/b 3 1\n"


def test_other_data_and_settings_need_another_folder(data, output, tmp_path):
    with refuses("output", "another data"):
        extract_flow(Listing(write_data(tmp_path, {"train": 1})), output, QUICK)
    with refuses("output", "another bound", "15.0"):
        extract_flow(Listing(data), output, FlowSettings(short_side=16, bound=15.0))


def test_bad_videos_stop_it_or_are_left_out_and_named(tmp_path, capsys):
    folder = write_data(tmp_path / "data", {"train": 3, "val": 1}, size=(40, 32))
    (folder / "train 0.mp4").write_text("broken")
    encode(folder / "train 2.mp4", moving_square(1, 32, 40))
    (folder / "train.txt").write_text("".join(f'"train {i}.mp4" -1 {i % 2}\n' for i in range(3)))
    listing = Listing(folder)
    with pytest.raises(BadVideoError, match="train"):
        extract_flow(listing, tmp_path / "out", QUICK, workers=1)
    assert not (tmp_path / "out" / "train.txt").exists()

    counts = extract_flow(listing, tmp_path / "out", QUICK, workers=1, skip_bad_videos=True)
    assert counts == {"train": 1, "val": 1}
    assert (tmp_path / "out" / "train.txt").read_text() == "'flow/train 1' 10 1\n"
    skipped = (tmp_path / "out" / "skipped.txt").read_text().splitlines()
    assert len(skipped) == 2 and "train 0.mp4: " in skipped[0] and "one frame" in skipped[1]
    assert f"left out: {skipped[0]}" in capsys.readouterr().out


def test_damaged_pictures_are_counted_over_all_processes(tmp_path):
    encode_damaged(tmp_path / "a.avi")
    (tmp_path / "train.txt").write_text("a.avi -1 0\n")
    (tmp_path / "labels.txt").write_text("x\n")
    with pytest.raises(BadVideoError, match="picture 7 is damaged"):
        extract_flow(Listing(tmp_path), tmp_path / "strict", QUICK, workers=1)
    listing = Listing(tmp_path, keep_damaged=True)
    assert extract_flow(listing, tmp_path / "out", QUICK, workers=1) == {"train": 1}
    assert listing.damage == "1 damaged pictures in 1 videos were used"
    assert (tmp_path / "out" / "train.txt").read_text() == "flow/a 19 0\n"


def test_segments_have_flow_of_their_own(tmp_path):
    encode(tmp_path / "a.mp4", moving_square(20, 32, 40))  # 10 frames per second
    (tmp_path / "train.txt").write_text("a.mp4 0.5 1.0 0\na.mp4 1.2 1.5 1\n")
    (tmp_path / "val.txt").write_text("a.mp4 0.5 1.0 0\n")
    (tmp_path / "labels.txt").write_text("x\ny\n")
    extract_flow(Listing(tmp_path), tmp_path / "out", QUICK, workers=1)
    assert (tmp_path / "out" / "train.txt").read_text() == "flow/a_0.5_1 4 0\nflow/a_1.2_1.5 2 1\n"
    found = FlowFolders().read(str(tmp_path / "out" / "flow" / "a_0.5_1"), range(4), None)
    np.testing.assert_array_equal(found, video_flow(tmp_path / "a.mp4", QUICK)[5:9])


def test_other_layouts_have_flow_too(tmp_path):
    """A folder per class, and folders of images."""
    videos = tmp_path / "videos"
    for split in ("train", "val"):
        for name in ("Left", "Right"):
            (videos / split / name).mkdir(parents=True)
            encode(videos / split / name / "a.mp4", moving_square(4, 32, 40))
    assert extract_flow(Listing(videos), tmp_path / "a", QUICK, workers=1) == {"train": 2, "val": 2}
    lines = (tmp_path / "a" / "train.txt").read_text().splitlines()
    assert lines == ["flow/train/Left/a 3 0", "flow/train/Right/a 3 1"]

    images = tmp_path / "images"
    for name in ("1", "2"):
        (images / name).mkdir(parents=True)
        for number, frame in enumerate(moving_square(4, 32, 40), 1):
            cv2.imwrite(str(images / name / f"{number:05d}.png"), frame[..., ::-1])
    (images / "train.txt").write_text("1 4 0\n2 -1 1\n")
    (images / "labels.txt").write_text("Left\nRight\n")
    assert extract_flow(Listing(images), tmp_path / "b", QUICK, workers=1) == {"train": 2}
    assert (tmp_path / "b" / "train.txt").read_text() == "flow/1 3 0\nflow/2 3 1\n"
    assert FlowFolders().num_frames(str(tmp_path / "b" / "flow" / "2")) == 3


def command(data, output):
    return subprocess.Popen(
        [sys.executable, "-m", "tsm_tf.data.flow", f"--data={data}", f"--output={output}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_images(output, count):
    for _ in range(600):
        if len(list(output.rglob("flow_y*.jpg"))) >= count:
            return
        time.sleep(0.1)
    raise TimeoutError


@pytest.mark.slow
def test_stopped_and_killed_it_ends_as_if_it_had_not_been(tmp_path):
    data = write_data(tmp_path / "data", {"train": 2, "val": 2}, size=(128, 96))
    output = tmp_path / "out"
    for number, sign in ((3, signal.SIGINT), (9, signal.SIGKILL), (15, signal.SIGTERM)):
        process = command(data, output)
        wait_for_images(output, number)
        process.send_signal(sign)
        text, _ = process.communicate(timeout=60)
        assert process.returncode in (130, -9, 143), text
        assert ("run the same command again" in text) == (sign != signal.SIGKILL), text
        assert "Traceback" not in text and not (output / "train.txt").exists()
        time.sleep(1)  # workers of a killed process end by themselves
        before = len(list(output.rglob("flow_y*.jpg")))
        time.sleep(1)
        assert len(list(output.rglob("flow_y*.jpg"))) == before

    text, _ = (process := command(data, output)).communicate(timeout=120)
    assert process.returncode == 0 and f"written to {output}" in text, text
    extract_flow(Listing(data), tmp_path / "whole")
    assert contents(output) == contents(tmp_path / "whole")
