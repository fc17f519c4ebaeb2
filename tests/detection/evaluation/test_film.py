import numpy as np
import pytest
from PIL import Image
from true_boxes import detected_boxes, write_annotated_video

from tsm_tf.data.sources.video_file import read_frames
from tsm_tf.detection.detections import class_color
from tsm_tf.detection.evaluation.collect import collect_boxes
from tsm_tf.detection.evaluation.film import choose_video, write_film
from tsm_tf.errors import InputError

SLOW = [[[20, 10, 40, 30]]] * 3
FAST = [[[10 * t, 10, 10 * t + 20, 30]] for t in range(3)]


@pytest.fixture
def videos(tmp_path):
    slow = write_annotated_video(tmp_path, "slow", SLOW, [0])
    return [slow, write_annotated_video(tmp_path, "fast", FAST, [1], first_id=4)]


def test_chooses_the_video_with_most_fast_objects(videos):
    true = collect_boxes(videos)
    assert choose_video(videos, true, None) == 1 and choose_video(videos, true, "slow") == 0
    with pytest.raises(InputError, match="`video` must be the name of a video"):
        choose_video(videos, true, "none")


def count(pixels, number):
    """How many pixels have about the colour of a class; videos and GIFs change it a little."""
    return int((np.abs(pixels.astype(int) - class_color(number)).sum(axis=-1) < 60).sum())


def test_truth_and_detectors_are_side_by_side(videos, tmp_path):
    true = collect_boxes(videos)
    found = {
        "good": detected_boxes([(n, 1, 0.9, *true.boxes[n]) for n in range(6)]),
        "bad": detected_boxes([(n, 0, 0.6, 0, 0, 30, 30) for n in range(6)]),
        "unsure": detected_boxes([(n, 1, 0.4, *true.boxes[n]) for n in range(6)]),
    }
    length = write_film(tmp_path, videos[1], ("ring", "cross"), true, found, 0.5, fps=4)
    assert length == 3
    frames = read_frames(str(tmp_path / "boxes.mp4"), [0, 1, 2])
    assert len(frames) == 3
    with Image.open(tmp_path / "boxes.gif") as gif:
        assert gif.n_frames == 3 and gif.info["duration"] == 250
        assert gif.size == (frames[0].shape[1], frames[0].shape[0])
        gif.seek(2)
        panels = np.split(np.array(gif.convert("RGB")), 4, axis=1)
    assert [count(panel, 1) > 50 for panel in panels] == [True, True, False, False]
    assert [count(panel, 0) > 50 for panel in panels] == [False, False, True, False]
    columns = np.flatnonzero((np.abs(panels[0].astype(int) - class_color(1)).sum(-1) < 60).any(0))
    scale = (panels[0].shape[1] - 4) / 60
    assert columns[0] == pytest.approx(20 * scale, abs=2)  # where the object is in the last frame
