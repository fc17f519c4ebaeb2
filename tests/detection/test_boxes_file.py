import numpy as np
import pytest
from testing import refuses

from tsm_tf.detection.boxes_file import read_boxes_file, write_boxes_file

SETTINGS = {"checkpoint": "abc", "times": 2}
BOXES = {name: np.full((2, 3, 4), i / 10, np.float32) for i, name in enumerate("ab")}


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "boxes.npz"
    assert read_boxes_file(path, SETTINGS) == {}
    write_boxes_file(path, SETTINGS, BOXES)
    found = read_boxes_file(path, SETTINGS)
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["b"], BOXES["b"])


def test_other_settings_are_refused(tmp_path):
    path = tmp_path / "boxes.npz"
    write_boxes_file(path, SETTINGS, BOXES)
    with refuses("output", "another times", "has 2", "4"):
        read_boxes_file(path, {**SETTINGS, "times": 4})


@pytest.mark.parametrize("kind", ["text", "by_hand", "folder", "cut"])
def test_other_files_are_never_replaced(tmp_path, kind):
    path = tmp_path / "boxes.npz"
    if kind == "text":
        path.write_text("mine")
    elif kind == "by_hand":
        np.savez(path, names=np.array(["a"]), boxes=BOXES["a"][None])
    elif kind == "folder":
        path.mkdir()
    else:
        write_boxes_file(path, SETTINGS, BOXES)
        path.write_bytes(path.read_bytes()[:-40])
    with refuses("output", "must be a new file", "boxes.npz"):
        read_boxes_file(path, SETTINGS)
