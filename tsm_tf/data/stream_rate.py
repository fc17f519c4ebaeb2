"""The frame rate at which a stream shows a model what its training clips showed it."""

import concurrent.futures
import statistics
from collections.abc import Sequence

from tsm_tf.data.listing import Video
from tsm_tf.data.sources.video_file import BadVideoError, probe
from tsm_tf.errors import InputError

_SAMPLE_SIZE = 64


def stream_fps(videos: Sequence[Video], num_segments: int) -> float:
    """Returns `num_segments` over the median duration of the videos, in frames per second.

    Only a sample of the videos is opened.

    Args:
        videos: the training videos.
        num_segments: frames per clip.

    Raises:
        MissingFile: a video does not exist.
        InputError: none of the videos can be decoded.
    """
    return round(num_segments / median_seconds(videos), 3)


def median_seconds(videos: Sequence[Video]) -> float:
    """Returns the median duration of videos, or of their segments; raises as `stream_fps` does."""
    sample = videos[:: max(1, len(videos) // _SAMPLE_SIZE)]

    with concurrent.futures.ThreadPoolExecutor() as pool:
        durations = [seconds for seconds in pool.map(_duration, sample) if seconds]

    if not durations:
        raise InputError("data", "must have a video that can be decoded", sample[0].path)
    return statistics.median(durations)


def _duration(video):
    if video.end is not None:
        return video.end - video.start
    try:
        return probe(video.path).duration
    except BadVideoError:
        return None  # loading its clip reports it
