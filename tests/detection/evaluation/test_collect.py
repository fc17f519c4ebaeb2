import numpy as np
import pytest
from true_boxes import write_annotated_video

from tsm_tf.detection.evaluation.collect import collect_boxes, count_frames
from tsm_tf.errors import InputError


def moving(count, step):
    """A box of 20 by 20 pixels that moves by `step` pixels per frame."""
    return [[[step * t, 5, step * t + 20, 25]] for t in range(count)]


def test_frames_are_counted_over_all_videos(tmp_path):
    late = write_annotated_video(tmp_path, "late", moving(2, 10), [1], first_id=4, degraded=True)
    early = write_annotated_video(tmp_path, "early", [[[0, 0, 9, 9], [5, 5, 9, 9]]] * 3, [0, 1])
    shown = []
    true = collect_boxes([late, early], shown.append)
    assert count_frames([late, early]) == true.num_frames == 5 and shown == [1, 2]
    assert true.frames.tolist() == [0, 0, 1, 1, 2, 2, 3, 4]
    assert true.classes.tolist() == [0, 1, 0, 1, 0, 1, 1, 1]
    np.testing.assert_array_equal(true.boxes[-1], [10, 5, 30, 25])
    np.testing.assert_allclose(true.motion, [1] * 6 + [1 / 3] * 2)
    assert true.degraded is not None and true.degraded.tolist() == [False] * 7 + [True]


def test_frames_without_objects(tmp_path):
    empty = write_annotated_video(tmp_path, "a", np.zeros((3, 0, 4)), [])
    true = collect_boxes([empty])
    assert true.num_frames == 3 and len(true.frames) == 0 and true.boxes.shape == (0, 4)
    assert true.degraded is None


def test_no_videos_and_no_tracks(tmp_path):
    with pytest.raises(InputError, match="`data` must have videos in this split"):
        collect_boxes([])
    video = write_annotated_video(tmp_path, "a", moving(2, 1), [0])
    video.frames[1].tracks[:] = -1
    with pytest.raises(InputError, match=r"must have a track for each object.*Received: 'a'"):
        collect_boxes([video])
