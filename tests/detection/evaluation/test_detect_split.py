import json

import numpy as np
import pytest
from true_boxes import write_annotated_video

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.detection.detections import Detections
from tsm_tf.detection.evaluation.detect_split import detect_split, detect_with_file, read_frames


def detector(seen, fails_at=None):
    """Detects one box per frame, whose score shows the frame's colour and place in the video."""

    def detect(frames):
        for number, frame in enumerate(frames):
            seen.append(int(frame[0, 0, 0]))
            if len(seen) == fails_at:
                raise KeyboardInterrupt
            score = frame[0, 0, 0] / 1000 + number / 100
            yield Detections(np.array([[1, 2, 4, 6]], np.float32), np.array([2]), np.array([score]))

    return detect


@pytest.fixture
def videos(tmp_path):
    boxes = np.zeros((2, 0, 4))
    return [
        write_annotated_video(tmp_path, name, boxes, [], first_id=first)
        for name, first in (("a", 1), ("b", 3), ("c", 5))
    ]


LINES = "".join(
    f"{frame} 3 {score} 1.00 2.00 3.00 5.00\n"
    for frame, score in (
        (1, "0.0200"),
        (2, "0.0400"),
        (3, "0.0200"),
        (4, "0.0400"),
        (5, "0.0200"),
        (6, "0.0400"),
    )
)


def test_writes_a_line_per_detection(videos, tmp_path, capsys):
    seen = []
    detect_split(detector(seen), videos, tmp_path / "tsm.txt")
    assert (tmp_path / "tsm.txt").read_text() == LINES
    assert "3 of 3 videos searched" in capsys.readouterr().out
    detect_split(detector(seen), videos, tmp_path / "tsm.txt")
    assert len(seen) == 6  # nothing was repeated
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "tsm.txt"]


def test_resumes_after_the_last_whole_video(videos, tmp_path):
    path, seen = tmp_path / "tsm.txt", []
    with pytest.raises(KeyboardInterrupt):
        detect_split(detector(seen, fails_at=4), videos, path)
    assert not path.exists()
    with (tmp_path / "tsm.txt.unfinished").open("a") as file:
        file.write("3 3 0.02")  # a kill left half a line
    seen.clear()
    detect_split(detector(seen), videos, path)
    assert len(seen) == 4 and path.read_text() == LINES
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.parametrize("state", ["{", "[]", json.dumps({"videos": 2, "bytes": 10**6})])
def test_a_damaged_state_starts_again(videos, tmp_path, state):
    (tmp_path / "tsm.txt.unfinished").write_text("nonsense")
    (tmp_path / "tsm.txt.unfinished.json").write_text(state)
    detect_split(detector([]), videos, tmp_path / "tsm.txt")
    assert (tmp_path / "tsm.txt").read_text() == LINES


def test_a_damaged_picture_is_named(videos, tmp_path):
    (tmp_path / "b" / "000001.png").write_bytes(b"\x89PNG")
    with pytest.raises(BadVideoError, match=r"000001\.png"):
        list(read_frames(videos[1]))


def test_a_file_is_reset_for_each_video_and_gets_frames_that_fit():
    class Runner:
        """Finds one box, from the middle of the frame to its corner."""

        shape = (20, 40, 3)
        steps = 0

        def reset(self):
            self.steps = 0

        def step(self, frame):
            assert frame.shape == self.shape
            self.steps += 1
            boxes = np.array([[20, 10, 40, 20]], np.float32)
            return Detections(boxes, np.array([self.steps]), np.array([0.5]))

    runner = Runner()
    for size, box in (((10, 20), [10, 5, 20, 10]), ((40, 80), [40, 20, 80, 40])):
        found = list(detect_with_file(runner, np.zeros((2, *size, 3), np.uint8)))
        assert [detections.classes.tolist() for detections in found] == [[1], [2]]
        assert found[0].boxes.tolist() == [box]
