"""The frame rate at which a stream shows a model what its training clips showed it."""

import concurrent.futures
import statistics
from collections.abc import Sequence

from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError

_SAMPLE_SIZE = 64


def stream_fps(videos: Sequence[Video], num_segments: int, source: Source) -> float:
    """Returns `num_segments` over the median duration of the videos, in frames per second.

    Only a sample of the videos is opened.

    Args:
        videos: the training videos.
        num_segments: frames per clip.
        source: what frames are read from.

    Raises:
        MissingFile: a video does not exist.
        InputError: none of the videos can be decoded.
    """
    return round(num_segments / median_seconds(videos, source), 3)


def median_seconds(videos: Sequence[Video], source: Source) -> float:
    """Returns the median duration of videos, or of their segments; raises as `stream_fps` does."""
    sample = videos[:: max(1, len(videos) // _SAMPLE_SIZE)]

    def measure(video):
        return _duration(video, source)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        durations = [seconds for seconds in pool.map(measure, sample) if seconds]

    if not durations:
        raise InputError("data", "must have a video that can be decoded", sample[0].path)
    return statistics.median(durations)


def _duration(video, source):
    if video.end is not None:
        return video.end - video.start
    try:
        return source.num_frames(video.path) / source.fps(video.path)
    except BadVideoError:
        return None  # loading its clip reports it
