"""The datasets of a training: a recipe, applied to a data folder."""

import dataclasses

import tensorflow as tf

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import clip_dataset, with_soft_labels
from tsm_tf.data.sources.memory import MemoryCache
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.window_pipeline import window_dataset
from tsm_tf.devices import Devices
from tsm_tf.spec import ModelSpec
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.settings import Execution
from tsm_tf.training.step.validation import MAP


@dataclasses.dataclass(frozen=True)
class Plan:
    """A recipe for a data folder.

    Attributes:
        recipe: the hyper-parameters.
        listing: the data folder.
        spec: the recipe's model, with the classes of the data.
        flip_targets: for each class its mirrored class or None; see `clip_dataset`.
        drop_last: whether an epoch leaves out its last clips if they do not fill a step.
        steps: steps per epoch.
    """

    recipe: Recipe
    listing: Listing
    spec: ModelSpec
    flip_targets: tuple[int | None, ...] | None
    drop_last: bool
    steps: int

    @property
    def streams(self) -> StreamSampling:
        """How the windows of a training on streams are made."""
        assert self.recipe.streams
        return self.recipe.streams

    @property
    def augmentation(self) -> Augmentation:
        """The random changes of training clips."""
        return Augmentation(self.recipe.augmentation, self.flip_targets, self.spec.modality)

    @property
    def metric(self) -> tuple[str, str]:
        """The metric that decides `best/`: its name in the log, and in the progress line."""
        return (MAP, MAP) if self.spec.multi_label else ("accuracy", "top-1")

    @property
    def epochs(self) -> int:
        """Epochs of the training."""
        return self.recipe.epochs

    @property
    def unit(self) -> str:
        """What a step counts."""
        return "windows" if self.recipe.streams else "clips"

    @property
    def evaluates_alone(self) -> bool:
        """Whether each device computes all of a validation; see `Clips.validation`."""
        return self.spec.multi_label

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """For TensorBoard's images of misclassified clips; None without such images."""
        has_one_class = not (self.recipe.streams or self.spec.multi_label)
        return (self.spec.labels or ()) if has_one_class else None

    @property
    def batch_size(self) -> int:
        """Clips per update, on all devices together."""
        return self.recipe.batch_size * self.recipe.accumulate


def make_clips(plan: Plan, devices: Devices, execution: Execution) -> "Clips":
    """Returns the datasets of a plan: of clips, or of windows of streams."""
    kind = Windows if plan.recipe.streams else Clips
    return kind(plan, devices, execution)


class Clips:
    """The datasets of a training.

    Args:
        plan: what to train on.
        devices: this process gets its share of each batch.
        execution: gives the memory for decoded videos, and what happens to bad ones.
    """

    def __init__(self, plan: Plan, devices: Devices, execution: Execution):
        self.plan = plan
        self.devices = devices
        self.skip_bad_videos = execution.on_bad_video == "skip"
        self.source = MemoryCache(
            source_of(plan.listing, plan.spec.modality), execution.cache_mib << 20
        )

    def training(self, first_epoch: int, first_batch: int, observer: Observer) -> tf.data.Dataset:
        """Returns the augmented clips of the epochs from `first_epoch`, one pass per epoch."""
        plan = self.plan
        return clip_dataset(
            plan.listing,
            plan.spec,
            "train",
            plan.batch_size,
            augmentation=plan.augmentation,
            order=Order(
                seed=plan.recipe.seed,
                first_epoch=first_epoch,
                first_batch=first_batch,
                drop_last=plan.drop_last,
                share=self.devices.share,
            ),
            observer=observer,
            source=self.source,
            skip_bad_videos=self.skip_bad_videos,
        )

    def validation(self, observer: Observer | None = None) -> tf.data.Dataset:
        """Returns the centre clips of the validation videos, in the order of the list.

        A multi-label model computes all of them on each device.
        """
        plan, share, batch_size = self.plan, self.devices.share, self.plan.recipe.batch_size
        if plan.spec.multi_label:
            share, batch_size = Share(), max(1, batch_size // share.parts)
        dataset = clip_dataset(
            plan.listing,
            plan.spec,
            "val",
            batch_size,
            order=Order(share=share),
            observer=observer,
            source=self.source,
            skip_bad_videos=self.skip_bad_videos,
        )
        if plan.recipe.augmentation.mixes:
            return with_soft_labels(dataset, plan.spec.num_classes)
        return dataset


class Windows(Clips):
    """The datasets of a training on streams: windows, with a class and a weight per frame."""

    def training(self, first_epoch: int, first_batch: int, observer: Observer) -> tf.data.Dataset:
        """Returns the augmented windows of the epochs from `first_epoch`, one pass per epoch."""
        plan = self.plan
        return window_dataset(
            plan.listing,
            plan.spec,
            "train",
            plan.batch_size,
            plan.streams,
            augmentation=plan.augmentation,
            order=Order(
                seed=plan.recipe.seed,
                first_epoch=first_epoch,
                first_batch=first_batch,
                share=self.devices.share,
            ),
            observer=observer,
            source=self.source,
        )

    def validation(self, observer: Observer | None = None) -> tf.data.Dataset:
        """Returns windows of the validation videos, the same ones in every epoch."""
        plan = self.plan
        return window_dataset(
            plan.listing,
            plan.spec,
            "val",
            plan.recipe.batch_size,
            plan.streams,
            order=Order(share=self.devices.share),
            observer=observer,
            source=self.source,
        )
