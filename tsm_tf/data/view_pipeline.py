"""Views of videos for evaluation as a `tf.data.Dataset`."""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tsm_tf.data.epoch_order import Order, Schedule
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import BATCHES_AHEAD, dataset_options, load_in_order
from tsm_tf.data.sources import Source, parallel_reads
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import Video
from tsm_tf.data.views import Views
from tsm_tf.spec import ModelSpec

_BYTES_AT_ONCE = 1 << 30


def view_dataset(
    videos: Sequence[Video],
    spec: ModelSpec,
    source: Source,
    views: Views,
    batch_size: int,
    observer: Observer | None = None,
    place: Callable[[Video], str] | None = None,
) -> tf.data.Dataset:
    """Returns the views of videos, decoded in parallel, each frame once.

    Args:
        videos: the videos, in this order.
        spec: gives the number and the size of the frames; see `load_views`.
        source: what frames are read from.
        views: which clips and crops.
        batch_size: videos per batch; the last batch may be smaller.
        observer: is called for each video that cannot be decoded. The iterator then raises an
            error of TensorFlow.
        place: returns where a video is listed, for errors; see `Listing.place`.

    Returns:
        A dataset of `uint8 [B, clips * crops, T, S, S, C]`.
    """
    observer = observer or Observer()
    sized = views.sized(spec)
    shape = (views.count, sized.num_segments, sized.input_size, sized.input_size, sized.channels)
    loader = ClipLoader(videos, spec, source, place=place)

    def load(_, index):
        try:
            return (loader.load_views(index, views),)
        except BadVideoError as error:
            observer.bad_video(error)
            raise

    parallel = min(parallel_reads(source), max(1, _BYTES_AT_ONCE // math.prod(shape)))
    schedule = Schedule(len(videos), batch_size, Order(), shuffle=False)
    dataset = load_in_order(schedule, load, (tf.TensorSpec(shape, tf.uint8),), observer, parallel)
    dataset = dataset.map(lambda views: views).batch(batch_size)
    return dataset.prefetch(BATCHES_AHEAD).with_options(dataset_options())
