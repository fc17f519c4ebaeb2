"""`ModelSpec.sampling_rate`: which frames of a video a model sees, by their numbers or their times.

With `"native"`, a video counts as one of constant rate, its mean. That is right for most videos,
and it is what the original does: its segments are equal numbers of frames.

In a video whose rate varies, equal numbers of frames are different times. A stream shows a model
frames at equal times, so a model that was trained on such videos sees other moments in a stream
than in its clips. With `"constant"`, frames are chosen by their times everywhere, as if the video
had been stored at its mean rate. Videos of constant rate give the same frames either way.
"""

from collections.abc import Callable

import numpy as np

from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.timeline import frame_indices
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.spec import CONSTANT

_EPSILON = 1e-3  # seconds; files round the times of frames


def clip_indices(
    video: Video,
    choose: Callable[[int], np.ndarray],
    source: Source,
    sampling_rate: str,
) -> np.ndarray:
    """Returns the frame numbers of a clip of a video, or of its segment.

    Args:
        video: the video.
        choose: returns frame numbers for a number of frames; a function of `tsm_tf.data.sampling`.
        source: what frames are read from.
        sampling_rate: see `ModelSpec`.

    Returns:
        `int64 [num_segments]`.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be read, or ends before the segment.
    """
    if sampling_rate != CONSTANT:
        first, num_frames = frame_range(video, source)
        return first + choose(num_frames)

    times = source.times(video.path)
    if video.num_frames != UNKNOWN_FRAMES:
        times = times[: video.num_frames]
    first, end = 0, len(times)
    if video.end is not None:
        first, end = np.searchsorted(times, np.array([video.start, video.end]) - _EPSILON)
        _check_segment(video, first, times[-1], len(times))

    end = max(end, first + 1)
    return first + _at_mean_rate(choose(end - first), times[first:end])


def frames_at(
    path: str,
    seconds: np.ndarray,
    source: Source,
    sampling_rate: str,
) -> np.ndarray:
    """Returns the first frame at or after each moment, as a stream at a fixed rate shows them.

    Args:
        path: the video.
        seconds: the moments, `[n]`, from the first frame on.
        source: what frames are read from.
        sampling_rate: see `ModelSpec`.

    Returns:
        `int64 [n]`; the last frame stands for later moments.
    """
    if sampling_rate != CONSTANT:
        return frame_indices(seconds, source.fps(path), source.num_frames(path))
    return _first_after(seconds, source.times(path))


def _first_after(seconds, times):
    return np.searchsorted(times, seconds - _EPSILON).clip(0, len(times) - 1)


def _at_mean_rate(indices, times):
    """Returns the frames at the moments that frame numbers have in a video of constant rate."""
    if len(times) < 2:
        return np.zeros_like(indices)
    step = (times[-1] - times[0]) / (len(times) - 1)
    return _first_after(times[0] + indices * step, times)


def frame_range(video: Video, source: Source) -> tuple[int, int]:
    """Returns the first frame of a video, or of its segment, and the number of frames.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be read, or ends before the segment.
    """
    if video.end is None:
        if video.num_frames == UNKNOWN_FRAMES:
            return 0, source.num_frames(video.path)
        if source.modality == "flow":  # lists of flow count RGB frames, or x and y
            return 0, min(video.num_frames, source.num_frames(video.path))
        return 0, video.num_frames

    fps, num_frames = source.fps(video.path), source.num_frames(video.path)
    first, end = frame_indices(np.array([video.start, video.end]), fps, num_frames + 1)
    _check_segment(video, first, num_frames / fps, num_frames)
    return first, max(1, min(end, num_frames) - first)


def _check_segment(video, first, seconds, num_frames):
    if first >= num_frames:
        reason = f"a segment starts at {video.start:g} s, the video ends at {seconds:.2f}"
        raise BadVideoError(video.path, reason)
