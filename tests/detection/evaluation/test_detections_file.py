import numpy as np
import pytest
from true_boxes import detected_boxes

from tsm_tf.detection.evaluation.detections_file import (
    join_detections,
    read_detections,
    to_lines,
)
from tsm_tf.errors import InputError, MissingFile


def test_written_as_inclusive_corners_from_one(tmp_path):
    detected = detected_boxes([(0, 4, 0.98765, 1, 2, 31.5, 42.25), (11, 0, 0.5, 0, 0, 8, 9)])
    lines = to_lines(detected)
    assert lines == "1 5 0.9877 1.00 2.00 30.50 41.25\n12 1 0.5000 0.00 0.00 7.00 8.00\n"
    (tmp_path / "a.txt").write_text(lines)
    read = read_detections(tmp_path / "a.txt", 12, 5)
    np.testing.assert_array_equal(read.frames, detected.frames)
    np.testing.assert_array_equal(read.classes, detected.classes)
    np.testing.assert_array_equal(read.boxes, detected.boxes)
    np.testing.assert_array_equal(read.scores, [0.9877, 0.5])


def test_an_empty_file_means_that_nothing_was_detected(tmp_path):
    (tmp_path / "a.txt").write_text(to_lines(join_detections([])))
    read = read_detections(tmp_path / "a.txt", 3, 2)
    assert len(read) == 0 and read.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1 1 0.5 0 0 9", "must have lines of a frame, a class, a score and four corners"),
        ("1 1 0.5 0 0 9 9 9", "must have lines of a frame, a class, a score and four corners"),
        ("1 1 0.5 0 0 9 x", "must have lines of a frame, a class, a score and four corners"),
        ("1 1 nan 0 0 9 9", "must have lines of a frame, a class, a score and four corners"),
        ("1 1 0.5 0 0 inf 9", "must have lines of a frame, a class, a score and four corners"),
        ("0 1 0.5 0 0 9 9", "must have a frame from 1 to 3"),
        ("4 1 0.5 0 0 9 9", "must have a frame from 1 to 3"),
        ("1.5 1 0.5 0 0 9 9", "must have a frame from 1 to 3"),
        ("1 0 0.5 0 0 9 9", "must have a class from 1 to 2"),
        ("1 3 0.5 0 0 9 9", "must have a class from 1 to 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, rule):
    path = tmp_path / "a.txt"
    path.write_text(f"1 1 0.5 0 0 9 9\n\n{line}\n1 x\n")
    with pytest.raises(InputError) as error:
        read_detections(path, 3, 2)
    assert str(error.value) == f"`{path}:3` {rule}. Received: {line!r}"


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00 1 2\n")
    with pytest.raises(InputError, match="must have lines of a frame"):
        read_detections(tmp_path / "a.txt", 3, 2)
    with pytest.raises(MissingFile, match="`detections` must be an existing file"):
        read_detections(tmp_path / "b.txt", 3, 2)
