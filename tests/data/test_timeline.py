"""What happens when in a video: `tsm_tf/data/timeline.py`."""

import math

import numpy as np
import pytest
from testing import refuses

from tsm_tf.data.timeline import (
    NO_CLASS,
    Segment,
    Timeline,
    check_timelines,
    classes_at,
    frame_indices,
    timelines,
)
from tsm_tf.data.video import UNKNOWN_FRAMES, Video


def segment(name, start, end, label):
    return Video(f"/{name}", name, UNKNOWN_FRAMES, label, start, end)


def test_a_trimmed_video_is_one_segment():
    (video,) = timelines([Video("/a.mp4", "a.mp4", 30, 2)])
    assert video == Timeline("/a.mp4", (Segment(0, math.inf, 2),)) and video.is_trimmed
    found = classes_at(video, np.array([0.0, 1.0, 1.9]), duration=2.0)
    assert found.labels.tolist() == [2, 2, 2]
    np.testing.assert_allclose(found.shares, [0, 0.5, 0.95])


def test_the_same_trimmed_video_may_be_listed_twice():
    assert len(timelines([Video("/a.mp4", "a.mp4", 30, 2)] * 2)) == 2


def test_segments_are_sorted_and_those_of_one_class_are_merged():
    videos = [
        segment("b", 4, 6, 1),
        segment("a", 0, 1, 0),
        segment("b", 1, 2, 0),
        segment("b", 1.5, 3, 0),
        segment("b", 3, 4, 1),
    ]
    b, a = timelines(videos)
    assert (b.path, a.path) == ("/b", "/a") and not b.is_trimmed
    assert b.segments == (Segment(1, 3, 0), Segment(3, 4, 1), Segment(4, 6, 1))


def test_between_segments_is_background():
    (video,) = timelines([segment("a", 1, 2, 0), segment("a", 3, 4, 1)])
    times = np.arange(10) / 2
    assert classes_at(video, times, 5.0, between=7).labels.tolist() == [
        7,
        7,
        0,
        0,
        7,
        7,
        1,
        1,
        7,
        7,
    ]
    found = classes_at(video, times, 5.0)
    assert found.labels[0] == NO_CLASS
    np.testing.assert_allclose(found.shares, [0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0])


def test_overlapping_segments_of_different_classes_are_refused():
    with refuses("data", "overlapping segments of different classes", "1 to 3 s and 2 to 4 s"):
        timelines([segment("a", 2, 4, 1), segment("a", 1, 3, 0)])
    with refuses("data", "either whole or in segments", "a"):
        timelines([segment("a", 2, 4, 1), Video("/a", "a", 30, 0)])


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (8, [0, 1, 2, 3]),
        (16, [0, 2, 4, 6]),
        (12, [0, 2, 3, 5]),  # at 0, 0.125, 0.25, 0.375 s: 0, 1.5, 3, 4.5
        (24, [0, 3, 6, 9]),
    ],
)
def test_a_stream_shows_the_first_frame_at_or_after_each_moment(fps, expected):
    assert frame_indices(np.arange(4) / 8, fps, 100).tolist() == expected
    assert frame_indices(np.arange(4) / 8, fps, 2).max() == 1


class Source:
    """Ten seconds at 10 frames per second."""

    modality = "rgb"

    def num_frames(self, path):
        return 100

    def fps(self, path):
        return 10.0


def test_segments_must_lie_within_the_video():
    check_timelines(timelines([segment("a", 8, 10.05, 0)]), Source())
    check_timelines(timelines([Video("/a", "a", 10**6, 0)]), Source())  # opens no trimmed video
    with refuses("data", "within the video's 10.00 s; see /a", "8 to 11 s"):
        check_timelines(timelines([segment("a", 8, 11, 0)]), Source())
