"""Clips for training and evaluation as a `tf.data.Dataset`."""

import functools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tsm_tf.catalogue import find_architecture
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.boxes import boxes_for
from tsm_tf.data.epoch_order import PADDING, Order, Schedule
from tsm_tf.data.listing import Listing, check_labels, check_multi_label, open_listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.mixing import Mixing, mix_clips
from tsm_tf.data.modality import check_modality, source_of
from tsm_tf.data.observer import Observer
from tsm_tf.data.sources import Source, parallel_reads
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import trainable_videos
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

BATCHES_AHEAD = 2
NO_LABEL = -1
"""Label of a clip that does not count: padding, or a video that is skipped."""


def clip_dataset(
    listing: Listing | str | os.PathLike,
    spec: ModelSpec,
    split: str,
    batch_size: int,
    *,
    augmentation: Augmentation | None = None,
    order: Order = Order(),  # noqa: B008 (frozen)
    observer: Observer | None = None,
    source: Source | None = None,
    skip_bad_videos: bool = False,
) -> tf.data.Dataset:
    """Returns the clips of a list file, decoded, cropped and batched.

    With an augmentation, the dataset is for training: a random frame per segment, augmented, in
    another order in every epoch. Without one, it is for evaluation: the segments' centre frames,
    cropped at the centre, in the order of the list.

    Each pass over a training dataset is the next epoch, and an unfinished pass also counts.

    Args:
        listing: the data, or what a `Listing` is made of.
        spec: gives the number and the size of the frames.
        split: name of the list file without `.txt`, such as `"train"` or `"val"`.
        batch_size: clips per batch, for all processes together; the last batch may be smaller.
        augmentation: random changes of training clips; None for evaluation.
        order: the seed, where to start, and the part of each batch to load. With several
            devices, a batch of the dataset is what one device takes.
        observer: is called when a clip is loaded, and for each video that cannot be decoded.
        source: what frames are read from, instead of the listing's own source; with
            `MemoryCache`, decoded videos stay in memory.
        skip_bad_videos: leaves out videos that cannot be decoded. Otherwise they are an error.

    Returns:
        A dataset of clips, `uint8 [B, T, H, W, C]` (or clips and boxes, for networks that take
        boxes; see `tsm_tf.data.boxes`), and labels, `int32 [B]`; with MixUp, CutMix, or
        `multi_label` (1 for each class of a clip), `float32 [B, num_classes]`. If a last batch is
        padded for several devices, there are also weights, `float32 [B]`. They are 0 for the
        padding, and their mean over a pass is 1.

    Raises:
        MissingFile: a list or a video does not exist.
        InputError: a bad list, RGB videos for a model of optical flow or the reverse, labels
            other than the spec's, a batch that cannot be split, skipping with several devices, or
            videos with several classes for a model that expects one.
    """
    listing = open_listing(listing)
    source = source or source_of(listing, spec.modality)
    mixes = augmentation is not None and augmentation.settings.mixes
    _check(listing, spec, source, batch_size, order, skip_bad_videos, mixes, augmentation)

    videos = listing.videos(split)
    check_multi_label(spec, videos)
    if augmentation is not None:
        videos = trainable_videos(listing.labelled_videos(split))

    schedule = Schedule(len(videos), batch_size, order, shuffle=augmentation is not None)
    place = functools.partial(listing.place, split)
    boxes = boxes_for(spec, listing.data, videos)
    loader = ClipLoader(videos, spec, source, augmentation, order.seed, place, boxes)
    mixing = _mixing(augmentation, order) if mixes else None
    dataset = _clips(schedule, loader, observer or Observer(), skip_bad_videos, mixing)
    dataset = dataset.batch(batch_size // order.share.parts)
    if boxes is not None:
        dataset = dataset.map(lambda clips, labels, boxes: ((clips, boxes), labels))

    if order.share.parts > 1 and not order.drop_last:
        dataset = _with_weights(dataset, len(videos), batch_size)
    elif skip_bad_videos:
        dataset = _without_skipped(dataset)
    if mixes:
        dataset = _mixed(dataset, spec.num_classes)

    return dataset.prefetch(BATCHES_AHEAD).with_options(dataset_options())


def _check(listing, spec, source, batch_size, order, skip_bad_videos, mixes, augmentation):
    check_modality(spec.modality, source.modality)
    check_labels(spec, listing)
    order.share.check(batch_size)
    if augmentation is not None and find_architecture(spec.backbone).takes_boxes:
        _check_boxes_stay(augmentation.settings)

    if skip_bad_videos and order.share.parts > 1:
        rule = "must be false with several devices, whose batches have one size"
        raise InputError("skip_bad_videos", rule, skip_bad_videos)

    parts = order.share.parts
    if mixes and parts > 1 and batch_size // parts % 2:
        rule = f"must be a multiple of {2 * parts}, so that each device mixes whole pairs"
        raise InputError("batch_size", rule, batch_size)
    if mixes and parts > 1 and not order.drop_last:
        raise InputError("drop_last", "must be true to mix clips on several devices", False)


def _check_boxes_stay(settings):
    for name in ("mixup", "cutmix", "randaugment_ops"):
        if getattr(settings, name):
            rule = "must be 0 for a network that takes boxes, which would not move with the pixels"
            raise InputError(name, rule, getattr(settings, name))


def _mixing(augmentation, order):
    settings = augmentation.settings
    return Mixing(settings.mixup, settings.cutmix, order.seed)


def _clips(schedule, loader, observer, skip_bad_videos, mixing):
    """Returns a dataset of single clips and labels, one epoch per pass.

    With mixing, there is also the region of each clip that its partner changes.
    """
    label = tf.TensorSpec((), tf.int32)
    if loader.spec.multi_label:
        label = tf.TensorSpec((loader.spec.num_classes,), tf.float32)
    specs = (tf.TensorSpec(loader.clip_shape, tf.uint8), label)
    if mixing is not None:
        specs = (*specs, tf.TensorSpec((5,), tf.float32))
    if loader.boxes_shape is not None:
        specs = (*specs, tf.TensorSpec(loader.boxes_shape, tf.float32))

    def load(epoch, index):
        example = _load(loader, epoch, index, observer, skip_bad_videos)
        if mixing is None:
            return example
        return *example, mixing.region(epoch, index, loader.spec.input_size)

    return load_in_order(schedule, load, specs, observer, parallel_reads(loader.source))


def load_in_order(
    schedule: Schedule,
    load: Callable[[int, int], tuple],
    specs: tuple[tf.TensorSpec, ...],
    observer: Observer,
    parallel: int,
) -> tf.data.Dataset:
    """Returns a dataset that loads what a schedule says, in parallel, one epoch per pass.

    Args:
        schedule: what to load.
        load: returns an example, a tuple of arrays, for an epoch and an index.
        specs: shape and type of each of its arrays.
        observer: is called when an example is loaded.
        parallel: how many examples to load at once.
    """

    def load_and_report(epoch, index, place):
        example = load(int(epoch), int(index))
        observer.clip_ready(int(place))
        return example

    def load_in_graph(job):
        types = [spec.dtype for spec in specs]
        example = tf.numpy_function(load_and_report, [job[0], job[1], job[2]], types, False)
        return tuple(
            tf.ensure_shape(array, spec.shape) for array, spec in zip(example, specs, strict=True)
        )

    def jobs():
        yield schedule.next_pass()

    signature = tf.TensorSpec((None, 3), tf.int64)
    dataset = tf.data.Dataset.from_generator(jobs, output_signature=signature).unbatch()

    if not schedule.order.first_batch:
        count = len(schedule.indices(schedule.order.first_epoch))
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))

    dataset = dataset.map(load_in_graph, num_parallel_calls=parallel)
    if parallel == os.cpu_count():
        return dataset
    options = tf.data.Options()
    options.threading.private_threadpool_size = parallel  # by default, one thread per processor
    return dataset.with_options(options)


def _load(loader, epoch, index, observer, skip_bad_videos):
    if index != PADDING:
        try:
            clip, label, *boxes = loader.load(epoch, index)
            return clip, label if loader.spec.multi_label else np.int32(label), *boxes
        except BadVideoError as error:
            observer.bad_video(error)
            if not skip_bad_videos or not error.is_skippable:
                raise

    clip, label = np.zeros(loader.clip_shape, np.uint8), np.int32(NO_LABEL)
    if loader.spec.multi_label:
        label = np.full(loader.spec.num_classes, NO_LABEL, np.float32)
    if loader.boxes_shape is not None:
        return clip, label, np.zeros(loader.boxes_shape, np.float32)
    return clip, label


def _has_label(labels):
    """Returns which clips of a batch count, `bool [B]`."""
    return labels != NO_LABEL if labels.shape.rank == 1 else labels[:, 0] != NO_LABEL


def _with_weights(dataset, num_videos, batch_size):
    num_batches = -(-num_videos // batch_size)
    weight = num_batches * batch_size / num_videos

    def add_weights(clips, labels):
        weights = tf.where(_has_label(labels), tf.constant(weight, tf.float32), 0.0)
        return clips, tf.maximum(labels, 0), weights

    return dataset.map(add_weights)


def _without_skipped(dataset):
    """Removes clips after batching, so that an epoch has the same steps whatever is skipped."""

    def remove(clips, labels, *regions):
        is_kept = _has_label(labels)
        return tf.nest.map_structure(lambda array: array[is_kept], (clips, labels, *regions))

    return dataset.map(remove).filter(lambda clips, labels, *_: tf.size(labels) > 0)


def _mixed(dataset, num_classes):
    """Mixes the clips of each batch in pairs; see `tsm_tf.data.mixing`."""

    def mix(clips, labels, regions):
        targets = _soft_labels(labels, num_classes)
        mixed = tf.numpy_function(
            mix_clips, [clips, targets, regions], [tf.uint8, tf.float32], False
        )
        return tf.ensure_shape(mixed[0], clips.shape), tf.ensure_shape(mixed[1], targets.shape)

    return dataset.map(mix)


def _soft_labels(labels, num_classes):
    """Returns `float32 [B, num_classes]`, which labels of several classes already are."""
    return tf.one_hot(labels, num_classes) if labels.shape.rank == 1 else labels


def with_soft_labels(dataset: tf.data.Dataset, num_classes: int) -> tf.data.Dataset:
    """Returns a dataset from `clip_dataset` with labels like those of mixed clips.

    A loss for soft labels then also takes the validation clips.
    """
    return dataset.map(
        lambda clips, labels, *weights: (clips, _soft_labels(labels, num_classes), *weights)
    )


def dataset_options() -> tf.data.Options:
    """Returns the options of this project's datasets."""
    options = tf.data.Options()
    # The tuning thread of TensorFlow 2.17 can miss the end of its iterator, which then waits for
    # it for 10 s and more per epoch.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
