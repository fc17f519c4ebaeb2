"""Clips for training and evaluation as a `tf.data.Dataset`."""

import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import statistics
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tsm_tf.data import crops as transforms
from tsm_tf.data import sampling
from tsm_tf.data.epoch_order import PADDING, Share, epoch_order
from tsm_tf.data.listing import Video, read_labels, read_videos
from tsm_tf.data.sources.memory import FrameCache
from tsm_tf.data.sources.video_file import BadVideoError, probe
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

ON_BAD_VIDEO = ("stop", "skip")
MIN_TRAINING_FRAMES = 3  # the original's: shorter videos are not trained on
_FPS_SAMPLE = 64
BATCHES_AHEAD = 2
NO_CACHE = FrameCache(0)
_LEFT_OUT = -1  # the label of a clip that is dropped before batching


def clip_dataset(
    data_dir: str | os.PathLike,
    spec: ModelSpec,
    split: str,
    training: bool,
    batch_size: int,
    *,
    seed: int = 0,
    first_epoch: int = 0,
    first_batch: int = 0,
    drop_last: bool = False,
    share: Share = Share(),  # noqa: B008 (frozen)
    flip_targets: tuple[int | None, ...] | None = None,
    scales: tuple[float, ...] = transforms.RGB_SCALES,
    on_bad_video: str = "stop",
    bad_videos: list[BadVideoError] | None = None,
    on_clip: Callable[[int], None] | None = None,
    cache: FrameCache = NO_CACHE,
) -> tf.data.Dataset:
    """Decodes, samples, crops and batches the clips of a list file.

    Training takes a random frame of each segment, a multi-scale corner crop and label-aware flips, in another order
    every epoch; evaluation takes the segments' centres and the centre crop, in the order of the list. Everything
    random follows from seed, epoch and video, whatever the threads do.

    Args:
        data_dir: folder with `<split>.txt` and `labels.txt`.
        spec: gives `num_segments`, `input_size`.
        split: `"train"`, `"val"`, or any other list file's name.
        training: random and augmented, or in order.
        batch_size: clips a batch, of all of `share`'s processes together; the last may be smaller.
        seed: of all that is random.
        first_epoch: the number of the first pass over the dataset, so that a resumed training goes on alike.
        first_batch: the first pass begins with this batch of its epoch.
        drop_last: leaves out the last batch if it is smaller.
        share: for several processes or devices. Its batches are as large as one device takes.
        flip_targets: per class the mirrored class or None, as of `transforms.flip_targets`; None flips nothing.
        scales: of the multi-scale crop, relative to the shorter side.
        on_bad_video: `"stop"` ends the run at a file that cannot be decoded, `"skip"` leaves its clip out.
        bad_videos: gets a `BadVideoError` for each such file and epoch, in both cases.
        on_clip: is told when a clip is ready, by its place in the order of all passes; in any thread.
        cache: keeps decoded videos for the next pass, and for other datasets of the same `short_side`.

    Returns:
        A dataset of (clips `uint8 [B, T, H, W, 3]`, labels `int32 [B]`). Where a last batch is filled up for several
        devices, also of weights `float32 [B]`: 0 for the filling, and such that their mean over the pass is 1.

    Raises:
        FileNotFoundError, InputError: as of `read_videos`; a spec with flow; labels that are not the spec's.
    """
    if spec.modality != "rgb":
        raise InputError("modality", "must be rgb to train from videos", spec.modality)
    if on_bad_video not in ON_BAD_VIDEO:
        raise InputError("on_bad_video", f"must be one of {', '.join(ON_BAD_VIDEO)}", on_bad_video)
    check_labels(spec, data_dir)
    share.check(batch_size)
    if on_bad_video == "skip" and share.parts > 1:
        raise InputError(
            "on_bad_video",
            "must be stop with several devices, whose batches have one size",
            on_bad_video,
        )
    videos = select_videos(data_dir, split, training)
    load = _Loader(
        videos, spec, training, seed, flip_targets, scales, on_bad_video, bad_videos, on_clip, cache
    )
    epochs, places = itertools.count(first_epoch), itertools.count()

    def order_of(epoch, first_batch):
        rng = np.random.default_rng((seed, epoch)) if training else None
        options = {"rng": rng, "first_batch": first_batch, "drop_last": drop_last, "share": share}
        return epoch_order(len(videos), batch_size, **options)

    def jobs():
        epoch = next(epochs)
        order = order_of(epoch, first_batch if epoch == first_epoch else 0)
        yield np.array([(epoch, index, next(places)) for index in order], np.int64).reshape(-1, 3)

    def make_clip(job):
        clip, label = tf.numpy_function(
            load, [job[0], job[1], job[2]], (tf.uint8, tf.int32), stateful=False
        )
        return tf.ensure_shape(clip, load.clip_shape), tf.ensure_shape(label, ())

    dataset = tf.data.Dataset.from_generator(
        jobs, output_signature=tf.TensorSpec((None, 3), tf.int64)
    ).unbatch()
    if not first_batch:
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(len(order_of(first_epoch, 0)))
        )
    dataset = dataset.map(make_clip, num_parallel_calls=os.cpu_count()).batch(
        batch_size // share.parts
    )
    if share.parts > 1 and not drop_last:
        weight = -(-len(videos) // batch_size) * batch_size / len(videos)
        dataset = dataset.map(
            lambda clips, labels: (clips, tf.maximum(labels, 0), _weights(labels, weight))
        )
    elif (
        on_bad_video == "skip"
    ):  # within batches, so that an epoch's steps are the same whatever is left out
        dataset = dataset.map(
            lambda clips, labels: (clips[labels != _LEFT_OUT], labels[labels != _LEFT_OUT])
        )
        dataset = dataset.filter(lambda clips, labels: tf.size(labels) > 0)
    options = tf.data.Options()
    # TensorFlow 2.17's tuning thread can miss the end of its iterator, which then waits for it: 10 s and more an epoch.
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.prefetch(BATCHES_AHEAD).with_options(options)


def check_labels(spec: ModelSpec, data_dir: str | os.PathLike) -> None:
    """Refuses a data folder of other classes than a model's; one without names takes any.

    Raises:
        InputError: naming both.
    """
    if spec.labels and spec.labels != read_labels(data_dir):
        raise InputError(
            "data", f"must have the model's classes {spec.labels}", read_labels(data_dir)
        )


def select_videos(data_dir: str | os.PathLike, split: str, training: bool) -> list[Video]:
    """Returns the videos of a list file; for training without those known to have fewer than 3 frames.

    Raises:
        FileNotFoundError, InputError: as of `read_videos`.
    """
    videos = read_videos(data_dir, split)
    return [v for v in videos if not (training and 0 <= v.num_frames < MIN_TRAINING_FRAMES)]


def _weights(labels, weight):
    return tf.where(labels == _LEFT_OUT, 0.0, tf.constant(weight, tf.float32))


@dataclasses.dataclass
class _Loader:
    """Makes one clip; called from several threads at once."""

    videos: list[Video]
    spec: ModelSpec
    training: bool
    seed: int
    flip_targets: tuple[int | None, ...] | None
    scales: tuple[float, ...]
    on_bad_video: str
    bad_videos: list[BadVideoError] | None
    on_clip: Callable[[int], None] | None
    cache: FrameCache

    @property
    def clip_shape(self):
        return (
            self.spec.num_segments,
            self.spec.input_size,
            self.spec.input_size,
            self.spec.channels,
        )

    def __call__(self, epoch, index, place):
        clip, label = self.clip_or_none(epoch, index)
        if self.on_clip:
            self.on_clip(int(place))
        return clip, np.int32(label)

    def clip_or_none(self, epoch, index):
        if index == PADDING:
            return np.zeros(self.clip_shape, np.uint8), _LEFT_OUT
        video = self.videos[index]
        try:
            return self.load(video, np.random.default_rng((self.seed, int(epoch), int(index))))
        except (BadVideoError, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError):  # it was there when the list was read
                error = BadVideoError(video.path, "the file has gone")
            if self.bad_videos is not None:
                self.bad_videos.append(error)
            if self.on_bad_video == "stop":
                raise error from None
            return np.zeros(self.clip_shape, np.uint8), _LEFT_OUT

    def load(self, video, rng):
        spec = self.spec
        if not self.training:
            return center_clip(video, spec, self.cache), video.label
        num_frames = _num_frames(video)
        indices = sampling.train_indices(num_frames, spec.num_segments, rng)
        clip = self.cache.read_frames(video.path, indices, spec.short_side, num_frames)
        clip = transforms.multi_scale_crop(clip, spec.input_size, rng, self.scales)
        mirrored = self.flip_targets[video.label] if self.flip_targets else None
        if mirrored is not None and rng.random() < 0.5:
            return np.ascontiguousarray(clip[:, :, ::-1]), mirrored
        return clip, video.label


def center_clip(video: Video, spec: ModelSpec, cache: FrameCache = NO_CACHE) -> np.ndarray:
    """Returns the segments' centres, cropped to the centre; `uint8 [T, H, W, 3]` (section 5.1.1).

    Raises:
        BadVideoError: it cannot be decoded.
    """
    num_frames = _num_frames(video)
    indices = sampling.test_indices(num_frames, spec.num_segments)
    clip = cache.read_frames(video.path, indices, spec.short_side, num_frames)
    return np.ascontiguousarray(transforms.center_crop(clip, spec.input_size))


def _num_frames(video):
    return video.num_frames if video.num_frames > 0 else probe(video.path).num_frames


def stream_fps(data_dir: str | os.PathLike, split: str, num_segments: int) -> float:
    """Returns the rate at which a stream shows a model what its clips showed it.

    That is `num_segments` over the median duration of the videos, in frames per second.
    """
    videos = read_videos(data_dir, split)
    sample = videos[:: max(1, len(videos) // _FPS_SAMPLE)]

    def duration(video: Video) -> float | None:
        try:
            return probe(pathlib.Path(video.path)).duration
        except BadVideoError:
            return None  # whoever decodes it says so

    with concurrent.futures.ThreadPoolExecutor() as pool:
        durations = [seconds for seconds in pool.map(duration, sample) if seconds]
    if not durations:
        raise InputError("data", "must have a video that can be decoded", str(sample[0].path))
    return round(num_segments / statistics.median(durations), 3)
