import itertools

import numpy as np
import pytest
from videos import encode, write_data

from export.demo.unseen import join, read_truth
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import read_frames

BLUE = (40, 40, 220)


def add_pauses(data):
    """Turns the first two validation videos into pauses, which are all blue."""
    (data / "labels.txt").write_text("Swiping Left\nSwiping Right\nNo gesture\n")
    lines = (data / "val.txt").read_text().splitlines()
    for number in range(2):
        frames = np.full((12, 48, 64, 3), BLUE, np.uint8)
        encode(data / f"blue {number}.mp4", frames)
        lines[number] = f'"blue {number}.mp4" 12 2'
    (data / "val.txt").write_text("\n".join(lines) + "\n")
    return data


def test_gestures_in_random_order_with_pauses(tmp_path):
    data = add_pauses(write_data(tmp_path / "data", {"val": 12}))
    output = tmp_path / "unseen.mp4"
    seconds = join(data, output, 6, seed=0)

    truth = read_truth(tmp_path / "unseen.csv")
    labels = [label for *_, label in truth]
    assert sorted(labels) == 3 * ["Swiping Left"] + 3 * ["Swiping Right"]
    assert labels != sorted(labels)
    assert truth[-1][1] == pytest.approx(seconds, abs=1 / 24)

    gaps = [start for start, *_ in truth[:1]]
    gaps += [after[0] - before[1] for before, after in itertools.pairwise(truth)]
    assert sum(gap > 0.1 for gap in gaps) == 3  # half of the gestures
    assert sum(gaps) == pytest.approx(6, abs=0.3)  # 2 s each, on average

    info = probe(output)
    assert (info.width, info.height) == (64, 48)
    assert info.fps == pytest.approx(24)
    assert info.duration == pytest.approx(seconds, abs=1e-3)

    frames = read_frames(output, range(info.num_frames)).astype(int)
    is_blue = np.abs(frames - BLUE).max(axis=(1, 2, 3)) < 12
    times = np.arange(info.num_frames) / 24 + 1e-3
    happens = np.any([(start <= times) & (times < end) for start, end, _ in truth], axis=0)
    np.testing.assert_array_equal(is_blue, ~happens)
    assert not list(tmp_path.glob(".writing*"))


def test_the_seed_decides_everything(tmp_path):
    data = write_data(tmp_path / "data", {"val": 12})
    contents = []
    for number, seed in enumerate((0, 0, 1)):
        join(data, tmp_path / f"{number}.mp4", 8, seed)
        contents.append((tmp_path / f"{number}.mp4").read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_without_background_gestures_follow_at_once(tmp_path):
    """Videos of 1.0, 1.1 and 1.2 s, two classes in turns; all of them if more are asked for."""
    data = write_data(tmp_path / "data", {"val": 5})
    seconds = join(data, tmp_path / "unseen.mp4", 100, seed=3)
    truth = read_truth(tmp_path / "unseen.csv")
    assert truth[0][0] == 0 and all(
        a[1] <= b[0] < a[1] + 0.05 for a, b in itertools.pairwise(truth)
    )
    assert seconds == pytest.approx(1.0 + 1.1 + 1.2 + 1.0 + 1.1, abs=0.2)


def test_untrimmed_videos_are_cut_after_a_minute(tmp_path):
    frames = np.zeros((800, 16, 16, 3), np.uint8)
    frames[:, ::2] = 200
    encode(tmp_path / "long.mp4", frames)
    (tmp_path / "labels.txt").write_text("left\nright\n")
    lines = ["long.mp4 1.5 3 1", "long.mp4 55 65 0", "long.mp4 70 71 1"]
    (tmp_path / "val.txt").write_text("\n".join(lines) + "\n")

    assert join(tmp_path, tmp_path / "unseen.mp4", 5, seed=0) == 60
    assert read_truth(tmp_path / "unseen.csv") == [(1.5, 3, "right"), (55, 60, "left")]
    assert probe(tmp_path / "unseen.mp4").num_frames == 60 * 24


def test_large_videos_are_made_smaller(tmp_path):
    data = write_data(tmp_path / "data", {"val": 2}, size=(640, 360))
    join(data, tmp_path / "unseen.mp4", 1, seed=0)
    info = probe(tmp_path / "unseen.mp4")
    assert (info.width, info.height) == (426, 240)
