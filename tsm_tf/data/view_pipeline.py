"""Views of videos for evaluation, decoded ahead and in parallel with `tf.data`."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tsm_tf.data.boxes import Boxes
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


def view_batches(
    videos: Sequence[Video],
    spec: ModelSpec,
    source: Source,
    views: Views,
    batch_size: int,
    place: Callable[[Video], str] | None = None,
    boxes: Boxes | None = None,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields the views of videos, each frame decoded once.

    Args:
        videos: the videos, in this order.
        spec: gives the number and the size of the frames; see `load_views`.
        source: what frames are read from.
        views: which clips and crops.
        batch_size: videos per batch; the last batch may be smaller.
        place: returns where a video is listed, for errors; see `Listing.place`.

        boxes: those of a network that takes boxes.

    Yields:
        `uint8 [B, clips * crops, T, S, S, C]`, and their boxes if there are any,
        `float32 [B, clips * crops, T/2, R, 4]`.

    Raises:
        BadVideoError: a video cannot be decoded, or is gone.
    """
    errors: list[BadVideoError] = []
    loader = ClipLoader(videos, spec, source, place=place, boxes=boxes)

    def load(_, index):
        try:
            return loader.load_views(index, views)
        except BadVideoError as error:
            errors.append(error)
            raise

    sized = views.sized(spec)
    shape = (views.count, sized.num_segments, sized.input_size, sized.input_size, sized.channels)
    specs = [tf.TensorSpec(shape, tf.uint8)]
    if loader.boxes_shape is not None:
        specs.append(tf.TensorSpec((views.count, *loader.boxes_shape), tf.float32))
    parallel = min(parallel_reads(source), max(1, _BYTES_AT_ONCE // math.prod(shape)))
    schedule = Schedule(len(videos), batch_size, Order(), shuffle=False)
    dataset = load_in_order(schedule, load, tuple(specs), Observer(), parallel)
    dataset = dataset.batch(batch_size).prefetch(BATCHES_AHEAD)

    # Each eager step of an iterator ends in a `__del__`, in which Python ignores Ctrl-C.
    iterator = iter(dataset.with_options(dataset_options()))
    next_batch = tf.function(iterator.get_next, autograph=False)
    try:
        for _ in range(0, len(videos), batch_size):
            yield tuple(array.numpy() for array in next_batch())
    except tf.errors.OpError:  # hides the error that was raised inside the pipeline
        if errors:
            raise errors[0] from None
        raise
