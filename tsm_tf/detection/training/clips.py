"""The datasets of a training: a recipe for detectors, applied to a data folder."""

import dataclasses

import tensorflow as tf

from tsm_tf.data.epoch_order import Order
from tsm_tf.data.observer import Observer
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.detection.data.pipeline import detection_dataset
from tsm_tf.detection.recipes import DetectionRecipe
from tsm_tf.detection.training.validation import MAP
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.devices import Devices
from tsm_tf.training.settings import Execution


@dataclasses.dataclass(frozen=True)
class DetectionPlan:
    """A recipe for a data folder; see `tsm_tf.training.fit.FittedPlan`.

    Attributes:
        recipe: the hyper-parameters.
        listing: the data folder.
        spec: the recipe's model, with the classes of the data.
        steps: steps per epoch.
    """

    recipe: DetectionRecipe
    listing: DetectionListing
    spec: DetectorSpec
    steps: int
    metric: tuple[str, str] = (MAP, MAP)
    unit: str = "samples"
    evaluates_alone: bool = True
    class_names: tuple[str, ...] | None = None

    @property
    def epochs(self) -> int:
        """Epochs of the training."""
        return self.recipe.epochs

    @property
    def batch_size(self) -> int:
        """Samples per step, on all devices together."""
        return self.recipe.batch_size


class DetectionClips:
    """The datasets of a training.

    Args:
        plan: what to train on.
        devices: this process gets its share of each batch.
        execution: gives the memory for decoded frames.
    """

    def __init__(self, plan: DetectionPlan, devices: Devices, execution: Execution):
        self.plan = plan
        self.devices = devices
        self.cache_bytes = execution.cache_mib << 20

    def training(self, first_epoch: int, first_batch: int, observer: Observer) -> tf.data.Dataset:
        """Returns the samples of the epochs from `first_epoch`, one pass per epoch."""
        recipe = self.plan.recipe
        order = Order(
            seed=recipe.seed,
            first_epoch=first_epoch,
            first_batch=first_batch,
            drop_last=True,
            share=self.devices.share,
        )
        return self._dataset("train", recipe.batch_size, True, order, observer)

    def validation(self, observer: Observer | None = None) -> tf.data.Dataset:
        """Returns the middle of each validation video, for each device in the same way."""
        parts = self.devices.share.parts
        batch_size = max(1, self.plan.recipe.batch_size // parts)
        return self._dataset("val", batch_size, False, Order(), observer)

    def _dataset(self, split, batch_size, training, order, observer):
        recipe = self.plan.recipe
        return detection_dataset(
            self.plan.listing,
            self.plan.spec,
            split,
            batch_size,
            training=training,
            order=order,
            stride=recipe.frame_stride,
            max_offset=recipe.max_offset,
            max_boxes=recipe.max_boxes,
            cache_bytes=self.cache_bytes,
            observer=observer,
        )
