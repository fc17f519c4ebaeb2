"""Samples of annotated frames for training detectors, as a `tf.data.Dataset`."""

import os

import tensorflow as tf

from tsm_tf.data.epoch_order import Order, Schedule
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import BATCHES_AHEAD, dataset_options, load_in_order
from tsm_tf.detection.data.listing import DetectionListing, open_detection_data
from tsm_tf.detection.data.loader import SampleLoader, Sampling
from tsm_tf.detection.data.picture import BadFrameError
from tsm_tf.detection.data.samples import Sample, list_samples
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError

DEFAULT_CACHE_BYTES = 1 << 30


def detection_dataset(
    listing: DetectionListing | str | os.PathLike,
    spec: DetectorSpec,
    split: str,
    batch_size: int,
    *,
    training: bool,
    order: Order = Order(),  # noqa: B008 (frozen)
    stride: int = 1,
    max_offset: int = 9,
    max_boxes: int = 32,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    observer: Observer | None = None,
) -> tf.data.Dataset:
    """Returns samples of T annotated frames, fitted into a detector's input and batched.

    A training dataset has one sample per line of the lists: a random window of T frames that
    contains the line's frame, or any window if the line names a whole video. Still images become T
    equal frames. Half of the samples are mirrored. Each pass is the next epoch, in another order;
    with `order`, a resumed training sees exactly what an uninterrupted one would. A validation
    dataset has the middle window of each video.

    For FGFA, a sample has 3 frames: the current frame, whose boxes are given, and two others at
    random offsets.

    Args:
        listing: the data, or its folder.
        spec: gives the number and the size of the frames.
        split: `"train"`, `"val"`, or the name of a list.
        batch_size: samples per batch, for all processes together; the last batch may be smaller.
        training: random windows, flips and order.
        order: the seed, where to start, and the part of each batch to load.
        stride: distance of neighbouring frames in a window.
        max_offset: distance of FGFA's other frames, at most.
        max_boxes: boxes per frame, M. If a frame has more, the largest are kept.
        cache_bytes: memory for fitted frames; small data are decoded once.
        observer: is called when a sample is loaded, and for each frame with a bad picture or
            annotation, which also ends the pass.

    Returns:
        A dataset of clips, RGB `uint8 [B, T, H, W, 3]`, and a dict of `"boxes"`, `float32
        [B, T, M, 4]`, x1, y1, x2, y2 in pixels of the input, half-open; and `"classes"`, `int32
        [B, T, M]`, -1 for the padding.

    Raises:
        MissingFile: there is no such list, or a listed video does not exist.
        InputError: a bad list, no samples, other labels than the spec's, or a batch that several
            devices cannot share.
    """
    listing = open_detection_data(listing)
    order.share.check(batch_size)
    if order.share.parts > 1 and not order.drop_last:
        raise InputError("drop_last", "must be true with several devices", False)
    if spec.labels and tuple(spec.labels) != listing.labels:
        raise InputError("data", f"must have the model's classes {spec.labels}", listing.labels)

    videos = listing.videos(split)
    samples = list_samples(videos) if training else [Sample(i) for i in range(len(videos))]
    if not samples:
        raise InputError("data", f"must have frames to train on in the split {split}", listing.data)

    sampling = Sampling(training, order.seed, stride, max_offset, max_boxes)
    loader = SampleLoader(videos, samples, spec, sampling, cache_bytes)
    observer = observer or Observer()

    def load(epoch, index):
        try:
            return loader.load(epoch, index)
        except BadFrameError as error:
            observer.bad_video(error)
            raise

    count, most = spec.num_detected, max_boxes
    specs = (
        tf.TensorSpec((spec.num_segments, *loader.size, 3), tf.uint8),
        tf.TensorSpec((count, most, 4), tf.float32),
        tf.TensorSpec((count, most), tf.int32),
    )
    schedule = Schedule(len(samples), batch_size, order, shuffle=training)
    dataset = load_in_order(schedule, load, specs, observer, os.cpu_count() or 1)
    dataset = dataset.batch(batch_size // order.share.parts, drop_remainder=order.drop_last)
    dataset = dataset.map(lambda clip, boxes, classes: (clip, {"boxes": boxes, "classes": classes}))
    return dataset.prefetch(BATCHES_AHEAD).with_options(dataset_options())
