import numpy as np
import pytest

from tsm_tf.evaluation.captions import LINE_HEIGHT, caption, fit

LONG = "videos/validation/a name that is far too long for its place/00012.mp4"


def test_long_texts_are_cut_at_the_end_or_at_the_start():
    assert fit("short", 200) == "short"
    end, start = fit(LONG, 200), fit(LONG, 200, keep_end=True)
    assert end.endswith("…") and LONG.startswith(end[:-1]) and len(end) > 15
    assert start.startswith("…") and LONG.endswith(start[1:]) and len(start) > 15
    assert fit("x" * 10_000_000, 200).startswith("xxx")
    assert fit("wide", 10) == "" and fit("costs $5 👋", 200) == "costs $5 "


@pytest.mark.parametrize("text", [LONG, "x" * 1000, "👋" * 99, "日本", "a\nb", "", "\u202e"])
def test_no_text_leaves_its_place(text):
    picture = caption([text], 200, LINE_HEIGHT + 4)
    assert picture.shape == (LINE_HEIGHT + 4, 200, 3)
    assert (picture[:, -6:] == 255).all() and (picture[:, :6] == 255).all()


def test_each_line_has_its_colour():
    picture = caption(["one", "two"], 100, 60, colors=[(255, 0, 0), (0, 0, 255)])
    rows, columns = np.nonzero((picture == (255, 0, 0)).all(-1))
    assert rows.min() >= 12 and rows.max() < 30 and columns.max() < 50
    rows, _ = np.nonzero((picture == (0, 0, 255)).all(-1))
    assert rows.min() >= 30 and rows.max() < 48
