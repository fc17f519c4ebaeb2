"""Windows of streams, for training and validation, as a `tf.data.Dataset`."""

import math

import tensorflow as tf

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order, Schedule
from tsm_tf.data.listing import Listing, check_labels
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import BATCHES_AHEAD, dataset_options, load_in_order
from tsm_tf.data.sources import Source, parallel_reads
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.stream_rate import median_seconds
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.timeline import check_rates, check_timelines, timelines
from tsm_tf.data.window_loader import WindowLoader
from tsm_tf.data.windows import Videos
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

_SAMPLE_SIZE = 64  # videos that are opened before the training


def num_windows(listing: Listing, split: str, sampling: StreamSampling) -> int:
    """Returns the windows of an epoch: `epoch_share` of the frames that the split's videos have.

    Raises:
        MissingFile: the list or a video does not exist.
        InputError: a bad list, or no video can be decoded.
    """
    videos = listing.videos(split)
    frames = len(videos) * median_seconds(videos, listing.source) * sampling.fps
    return max(1, round(sampling.epoch_share * frames / sampling.window))


def check_streams(listing: Listing, spec: ModelSpec, split: str, fps: float) -> None:
    """Raises unless windows of a split can be made, as far as a sample of the videos shows.

    Raises:
        MissingFile: the list or a video does not exist.
        InputError: bad segments, only background, or videos with too low a rate.
        BadVideoError: a video of the sample cannot be read.
    """
    videos = timelines(listing.labelled_videos(split))
    Videos.of(videos, spec.background_classes)
    check_timelines(videos, listing.source)
    check_rates(videos[:: max(1, len(videos) // _SAMPLE_SIZE)], fps, listing.source)


def window_dataset(
    listing: Listing,
    spec: ModelSpec,
    split: str,
    batch_size: int,
    sampling: StreamSampling,
    *,
    augmentation: Augmentation | None = None,
    order: Order = Order(),  # noqa: B008 (frozen)
    observer: Observer | None = None,
    source: Source | None = None,
) -> tf.data.Dataset:
    """Returns windows of a virtual stream, joined from the videos of a list file.

    Every epoch has other windows; they depend on the seed, the epoch and the window's number
    alone. A validation dataset (no augmentation) has the same windows in every pass if the passes
    are those of a new dataset.

    Args:
        listing: the data.
        spec: gives the size of the frames and the background classes.
        split: name of the list file without `.txt`.
        batch_size: windows per batch, for all processes together.
        sampling: how windows are made.
        augmentation: random changes of each video; None crops the centre.
        order: the seed, where to start, and the part of each batch to load.
        observer: is called when a window is loaded, and for each video that cannot be decoded.
        source: what frames are read from, instead of the listing's own source.

    Returns:
        A dataset of windows, RGB `uint8 [B, window, H, W, 3]`, labels `int32 [B, window]`, and
        weights `float32 [B, window]`. The last batch is left out if it is smaller.

    Raises:
        MissingFile: a list or a video does not exist.
        InputError: a bad list, segments behind the end of a video, only background, a model for
            optical flow, or labels other than the spec's.
    """
    if spec.modality != "rgb":
        raise InputError("modality", "must be rgb to train on streams", spec.modality)
    check_labels(spec, listing)
    order.share.check(batch_size)

    videos = timelines(listing.labelled_videos(split))
    source = source or listing.source
    check_timelines(videos, source)
    loader = WindowLoader(videos, spec, sampling, source, augmentation, order.seed)
    observer = observer or Observer()

    def load(epoch, index):
        try:
            return loader.load(epoch if augmentation else 0, index)
        except BadVideoError as error:
            observer.bad_video(error)
            raise

    specs = (
        tf.TensorSpec(loader.clip_shape, tf.uint8),
        tf.TensorSpec((sampling.window,), tf.int32),
        tf.TensorSpec((sampling.window,), tf.float32),
    )
    count = math.ceil(num_windows(listing, split, sampling) / batch_size) * batch_size
    schedule = Schedule(count, batch_size, order, shuffle=False)
    dataset = load_in_order(schedule, load, specs, observer, parallel_reads(source))
    dataset = dataset.batch(batch_size // order.share.parts, drop_remainder=True)
    return dataset.prefetch(BATCHES_AHEAD).with_options(dataset_options())
