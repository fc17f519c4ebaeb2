import json

import numpy as np
import pytest
from PIL import Image
from videos import encode

from export.demo.gif import HEADER, Truth, add_header, read, write_gif

TRUTH = Truth([(1.0, 3.0, "left"), (6.0, 7.0, "right")], [(2.0, "left"), (8.0, "up")])


def test_reads_the_files_of_the_other_steps(tmp_path):
    (tmp_path / "unseen.csv").write_text('start,end,label\n0.500,1.250,"left, ü"\n')
    line = {"label": "left, ü", "index": 3, "seconds": 0.75, "probability": 0.9}
    (tmp_path / "events.jsonl").write_text(json.dumps(line) + "\n")
    truth = read(tmp_path / "unseen.csv", tmp_path / "events.jsonl")
    assert truth == Truth([(0.5, 1.25, "left, ü")], [(0.75, "left, ü")])


def test_true_label_at_a_time():
    times = (0.9, 1.0, 2.9, 3.0, 6.5)
    assert [TRUTH.label_at(t) for t in times] == [None, "left", "left", None, "right"]


def test_strips_show_the_last_ten_seconds():
    """At 10 s, a strip has a second per tenth of its width; the picture below is as it was."""
    picture = np.full((40, 248, 3), 77, np.uint8)
    drawn = add_header(picture, 10.0, TRUTH)
    assert drawn.shape == (HEADER + 40, 248, 3)
    np.testing.assert_array_equal(drawn[HEADER:], picture)

    def strip(row):  # the names take 48 pixels, a second 20
        pixels = drawn[row, 48:]
        return {
            label: np.flatnonzero((pixels == color).all(axis=1)).tolist()
            for label, color in TRUTH.colors.items()
        }

    assert strip(43) == {"left": list(range(20, 60)), "right": list(range(120, 140)), "up": []}
    assert strip(59) == {"left": list(range(40, 48)), "right": [], "up": list(range(160, 168))}


def test_header_names_the_true_class():
    picture = np.zeros((40, 248, 3), np.uint8)
    for seconds, color in ((2.5, TRUTH.colors["left"]), (6.5, TRUTH.colors["right"])):
        header = add_header(picture, seconds, TRUTH)[:30].reshape(-1, 3)
        assert (header == color).all(axis=1).any()
    assert len({tuple(color) for color in TRUTH.colors.values()}) == 3


def test_gif_has_the_frames_and_times_of_the_video(tmp_path):
    frames = np.zeros((10, 60, 120, 3), np.uint8)
    frames[5:] = 200
    video = encode(tmp_path / "stream.mp4", frames, rate=5)
    assert write_gif(video, TRUTH, tmp_path / "demo.gif") == 10
    seconds, bright = 0.0, []
    with Image.open(tmp_path / "demo.gif") as gif:
        assert gif.size == (600, HEADER + 300)
        for number in range(gif.n_frames):
            gif.seek(number)
            seconds += gif.info["duration"] / 1000
            bright.append(gif.convert("L").getpixel((300, HEADER + 150)) > 128)
    assert seconds == pytest.approx(2.0)
    assert bright[0] is False and bright[-1] is True
    assert not list(tmp_path.glob(".writing*"))
