import json
import os

import pytest
from public_labels import HMDB51
from testing import refuses

from tsm_tf.data.flips import choose_flips, describe_flips, flip_targets, read_flip_targets
from tsm_tf.data.synthetic.gestures import LABELS as GESTURES
from tsm_tf.errors import MissingFile

UNKNOWN = ("gesture_1", "gesture_2")
HANDS = ("Wave left", "Wave right", "Point here", "Point there", "Writing", "Left turn")


def test_auto_mirrors_only_what_it_understands():
    assert choose_flips("auto", GESTURES) == (1, 0, 2, 3, 4, 5, 7, 6, 8)
    assert choose_flips("auto", HANDS) == (1, 0, 2, 3, 4, None)
    assert choose_flips("auto", HMDB51) == tuple(range(51))
    for labels in (UNKNOWN, ("swipe 左", "swipe 2"), ("Left turn", "Stop"), HMDB51[1:]):
        assert choose_flips("auto", labels) is None


def test_all_and_none():
    assert choose_flips("all", UNKNOWN) == (0, 1)
    assert choose_flips("all", HANDS) == flip_targets(HANDS)
    assert choose_flips("none", HANDS) is None


def test_the_log_says_what_is_assumed_of_each_class():
    text = describe_flips("auto", HANDS, choose_flips("auto", HANDS))
    assert text.splitlines() == [
        "flips: on; half of the training videos are mirrored, and their classes become",
        "  Wave left <-> Wave right",
        "  the same class: Point here, Point there, Writing",
        "  never flipped: Left turn",
    ]
    assert "classes are those of HMDB51" in describe_flips("auto", HMDB51, tuple(range(51)))


def test_one_line_says_how_to_turn_flips_on():
    line = describe_flips("auto", UNKNOWN, None)
    assert "\n" not in line and line.startswith("flips: off, because")
    assert "--flips=FILE" in line and "--flips=all" in line
    assert describe_flips("none", UNKNOWN, None) == "flips: off"


@pytest.mark.parametrize(
    "text",
    [
        '{"Point here": "Point there", "Writing": null, "Left turn": "Left turn"}',
        "Point here,Point there\n\nWriting\nLeft turn, Left turn\n",
        "\ufeffPoint there\tPoint here\r\nWriting\r\nLeft turn\tLeft turn\r\n",
    ],
)
def test_a_file_overrides_the_names(tmp_path, text):
    path = tmp_path / "flips"
    path.write_bytes(text.encode())
    assert choose_flips(os.fspath(path), HANDS) == (1, 0, 3, 2, None, 5)


def test_names_with_commas(tmp_path):
    labels = ("Push, then pull", "Pull, then push", "a,b")
    path = tmp_path / "flips.txt"
    for text in ("Push, then pull, Pull, then push\na,b", "a,b\nPull, then push\tPush, then pull"):
        path.write_text(text)
        assert read_flip_targets(path, labels) == (1, 0, None)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Wave left,Wave right\nWave, Wave left", ("must name classes", "flips:2", "'Wave'")),
        ("Wave left\tWave right\tWriting", ("must name classes", "flips:1")),
        ("Writing,Point here\nWriting,Point there", ("'Writing' with one class", "flips:2")),
        ("Writing\nWriting,Point there", ("'Writing' with one class", "flips:2")),
        ("Wave left,Writing", ("a mirrored 'Wave right'",)),
        ('{"Wave": "Wave left"}', ("must name classes", "'Wave'")),
        ('{"Wave left": ["Writing"]}', ("must name classes", "['Writing']")),
        ('{"Wave left": "Writing"}', ("a mirrored 'Wave right'",)),
        ('{"Wave left": ', ("JSON object",)),
        ('{"a":' * 100_000, ("JSON object",)),
        ("[1, 2]", ("must name classes", "flips:1")),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path, text, parts):
    path = tmp_path / "flips"
    path.write_text(text)
    with refuses("flips", *parts):
        read_flip_targets(path, HANDS)


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(MissingFile, match="`flips` must be auto, all, none, or a file"):
        read_flip_targets(tmp_path / "gone.txt", HANDS)
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", "/dev/zero"):
        with refuses("flips", "not a folder, FIFO or device"):
            read_flip_targets(path, HANDS)
    (tmp_path / "pairs.json").write_text(json.dumps({"Writing": None}), encoding="utf-16")
    with refuses("flips", "UTF-8", "byte 0"):
        read_flip_targets(tmp_path / "pairs.json", HANDS)
