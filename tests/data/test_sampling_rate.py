"""`sampling_rate`: by exact times, and by what a stream shows of the same files."""

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square

from export.live.frame_clock import AtRate
from tsm_tf import ModelSpec
from tsm_tf.data import sampling
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.loader import ClipLoader, center_clip
from tsm_tf.data.sampling_rate import clip_indices, frames_at
from tsm_tf.data.sources.video_file import VIDEO_FILES, iterate_frames
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.spec import CONSTANT, NATIVE

SLOW_START = (0, 1.0, 2.0, 3.0, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6)
"""Ten frames in 3.6 s: at their mean rate, one each 0.4 s."""


class Timed:
    """A source that knows times only."""

    def __init__(self, times):
        self._times = np.array(times, float)

    def num_frames(self, path):
        return len(self._times)

    def fps(self, path):
        return (len(self._times) - 1) / self._times[-1]

    def times(self, path):
        return self._times


def video(num_frames=UNKNOWN_FRAMES, start=0.0, end=None):
    return Video("/a.mp4", "a.mp4", num_frames, 0, start, end)


def every(num_frames):
    return np.arange(num_frames)


def test_a_constant_rate_gives_the_first_frame_from_each_moment_on():
    # moments                0  0.4 0.8 1.2 1.6 2.0 2.4 2.8 3.2 3.6
    expected = np.array([0, 1, 1, 2, 2, 2, 3, 3, 5, 9])
    source = Timed(SLOW_START)
    np.testing.assert_array_equal(clip_indices(video(), every, source, CONSTANT), expected)
    np.testing.assert_array_equal(clip_indices(video(), every, source, NATIVE), np.arange(10))
    moments = np.array([0, 0.4, 0.99, 1.0, 1.0004, 1.01, 3.45, 9])
    assert frames_at("", moments, source, CONSTANT).tolist() == [0, 1, 1, 1, 1, 2, 8, 9]
    assert frames_at("", moments, source, NATIVE).tolist() == [0, 1, 3, 3, 3, 3, 9, 9]


def test_segments_and_known_numbers():
    source = Timed(SLOW_START)
    # from 1.0 to 3.2 s: frames 1 to 4, one each 0.7 s
    found = clip_indices(video(start=1.0, end=3.2), every, source, CONSTANT)
    assert found.tolist() == [1, 2, 3, 4]
    # the first five, one each 0.775 s
    assert clip_indices(video(5), every, source, CONSTANT).tolist() == [0, 1, 2, 3, 4]
    # between two frames: the next one
    assert clip_indices(video(start=1.2, end=1.3), every, source, CONSTANT).tolist() == [2]
    with refuses("video", "a segment starts at 4 s, the video ends at 3.60"):
        clip_indices(video(start=4.0, end=5.0), every, source, CONSTANT)
    one = Timed([0.0])
    assert clip_indices(video(), every, one, CONSTANT).tolist() == [0]


@pytest.mark.parametrize("fps", [5, 12, 23.976, 25, 29.97, 60])
@pytest.mark.parametrize("digits", [3, 9])
def test_videos_of_constant_rate_give_the_same_frames(fps, digits):
    """Also where the file rounds times to milliseconds."""
    source = Timed(np.round(np.arange(300) / fps, digits))
    for segments in (1, 8, 16, 300):
        for choose in (
            lambda n, segments=segments: sampling.center_indices(n, segments),
            lambda n, segments=segments: sampling.train_indices(
                n, segments, np.random.default_rng(0)
            ),
        ):
            np.testing.assert_array_equal(
                clip_indices(video(), choose, source, CONSTANT),
                clip_indices(video(), choose, source, NATIVE),
            )


@pytest.fixture(scope="module")
def variable(tmp_path_factory):
    """A video of variable rate: 10 frames per second, with long pauses."""
    times = [*range(5), 20, 21, 22, *range(40, 52), 70, 71]
    folder = tmp_path_factory.mktemp("variable")
    return encode(folder / "a.mp4", moving_square(len(times)), times=times), np.array(times) / 10


@pytest.mark.parametrize("fps", [2.0, 5.0])
def test_windows_see_the_frames_of_a_stream(variable, fps):
    """A stream shows the first frame from each moment on, and repeats none."""
    path, times = variable
    shown = [number for number, _, _ in AtRate(iterate_frames(path), fps)]
    moments = np.arange(int(times[-1] * fps) + 1) / fps
    found = frames_at(str(path), moments, VIDEO_FILES, CONSTANT)
    # AtRate counts a late frame for the moment before it, and leaves out repetitions.
    assert set(found.tolist()) == set(shown)
    native = frames_at(str(path), moments, VIDEO_FILES, NATIVE)
    assert set(native.tolist()) != set(shown)


def test_clips_of_training_and_evaluation(variable):
    path, times = variable
    listed = Video(str(path), path.name, UNKNOWN_FRAMES, 0)
    spec = ModelSpec(num_classes=1, num_segments=4, input_size=32, sampling_rate=CONSTANT)
    step = times[-1] / (len(times) - 1)
    moments = sampling.center_indices(len(times), 4) * step
    expected = [int(np.flatnonzero(times >= moment - 1e-3)[0]) for moment in moments]
    assert expected != sampling.center_indices(len(times), 4).tolist()

    frames = VIDEO_FILES.read(str(path), expected, spec.short_side)
    width = (frames.shape[2] - 32) // 2
    np.testing.assert_array_equal(
        center_clip(listed, spec, VIDEO_FILES), frames[:, 2:34, width : width + 32]
    )
    native = center_clip(listed, spec.replace(sampling_rate=NATIVE), VIDEO_FILES)
    assert not np.array_equal(center_clip(listed, spec, VIDEO_FILES), native)

    clips = [
        ClipLoader([listed], spec.replace(sampling_rate=rate), VIDEO_FILES, Augmentation()).load(
            0, 0
        )[0]
        for rate in (CONSTANT, CONSTANT, NATIVE)
    ]
    np.testing.assert_array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])
