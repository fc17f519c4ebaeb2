"""Joining videos into streams: `tsm_tf/evaluation/stream/joined.py`."""

import math

import numpy as np

from tsm_tf import ModelSpec
from tsm_tf.data.timeline import Segment, Timeline
from tsm_tf.evaluation.stream.joined import Gesture, Joiner, halves

SPEC = ModelSpec(num_classes=3, labels=("a", "b", "No gesture"), input_size=32, crop_pct=1.0)


class Source:
    """Videos of 10 frames per second. Pixel 0 is the number of the frame, pixel 1 the video."""

    modality = "rgb"

    def __init__(self, lengths):
        self.lengths = lengths

    def num_frames(self, path):
        return self.lengths[int(path)]

    def fps(self, path):
        return 10.0

    def read(self, path, indices, short_side, interpolation="bilinear"):
        frames = np.zeros((len(indices), 32, 40, 3), np.uint8)
        frames[..., 4, 0], frames[..., 4, 1] = np.array(indices)[:, None], int(path)
        return frames


def trimmed(number, label):
    return Timeline(str(number), (Segment(0, math.inf, label),))


def make_joiner(timelines, lengths, fps=5.0):
    return Joiner(timelines, SPEC, fps, Source(lengths))


def test_each_gesture_appears_once_and_pauses_fill_the_time():
    timelines = [trimmed(i, i % 3) for i in range(12)]
    joiner = make_joiner(timelines, [20] * 12)
    streams = joiner.join(range(12), 60.0, 3, np.random.default_rng(0))

    assert len(streams) == 3
    shown = [p.video for stream in streams for p in stream.pieces if not p.is_pause]
    assert sorted(shown) == [i for i in range(12) if i % 3 < 2]
    background = sum((stream.labels == 2).sum() for stream in streams) / 5
    assert abs(background - 60) < 2
    follows_at_once = sum(
        not a.is_pause and not b.is_pause
        for stream in streams
        for a, b in zip(stream.pieces, stream.pieces[1:], strict=False)
    )
    assert follows_at_once > 0


def test_the_truth_says_when_each_gesture_is():
    joiner = make_joiner([trimmed(0, 1), trimmed(1, 0)], [20, 11])
    (stream,) = joiner.join([0, 1], 0.0, 1, np.random.default_rng(3))
    times = {gesture.label: (gesture.start, gesture.end) for gesture in stream.gestures}
    first, second = (1, 0) if times[1][0] == 0 else (0, 1)
    lengths = {1: 2.0, 0: 1.1}
    assert times[first] == (0, lengths[first])
    start = math.ceil(lengths[first] * 5) / 5  # the stream shows whole frames
    np.testing.assert_allclose(times[second], (start, start + lengths[second]))
    assert len(stream.labels) == 16 and stream.seconds == 3.2


def test_an_untrimmed_video_is_a_stream_of_its_own():
    video = Timeline("0", (Segment(1, 2, 0), Segment(3, 4, 1)))
    joiner = make_joiner([video, trimmed(1, 1)], [50, 20])
    streams = joiner.join([0, 1], 0.0, 4, np.random.default_rng(0))
    assert len(streams) == 2
    assert streams[0].gestures == (Gesture(1, 2, 0), Gesture(3, 4, 1))
    assert streams[0].labels.tolist() == [2] * 5 + [0] * 5 + [2] * 5 + [1] * 5 + [2] * 5


def test_frames_are_those_at_each_moment():
    joiner = make_joiner([trimmed(0, 1), trimmed(1, 0)], [20, 11])
    (stream,) = joiner.join([1], 0.0, 1, np.random.default_rng(0))
    frames = list(joiner.frames(stream))
    assert [frame[0, 0, 0] for frame in frames] == [0, 2, 4, 6, 8, 10]
    assert {frame[0, 0, 1] for frame in frames} == {1} and frames[0].shape == (32, 32, 3)


def test_halves_have_the_same_share_of_background():
    timelines = [trimmed(i, 2 if i < 4 else 0) for i in range(20)]
    first, second = halves(
        timelines, lambda video: video.segments[0].label == 2, np.random.default_rng(0)
    )
    assert sorted(first + second) == list(range(20))
    assert sum(i < 4 for i in first) == sum(i < 4 for i in second) == 2
