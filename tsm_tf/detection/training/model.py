"""`DetectorTraining`: what `fit` trains. It holds a detector and computes its losses."""

from typing import Any

import keras
from keras import ops

from tsm_tf.detection.anchors import assign_anchors
from tsm_tf.detection.losses import head_losses, proposal_losses, roi_losses
from tsm_tf.detection.recipes import DetectionRecipe
from tsm_tf.detection.rfcn import DetectorModel, anchors_of
from tsm_tf.detection.targets import assign_rois, hardest, sample_anchors
from tsm_tf.detection.training.validation import MAP, validate
from tsm_tf.detector_spec import FGFA
from tsm_tf.training.step.fitted_model import FittedModel

_LOSSES = ("object_loss", "anchor_box_loss", "class_loss", "box_loss")


class DetectorTraining(FittedModel):
    """Trains a detector, whose weights it shares, by its four losses.

    The targets of `fit` are a dict: true `"boxes"` `[B, T, M, 4]` in half-open pixels of the input,
    and their `"classes"` `[B, T, M]`, from 0, with -1 for padding. All
    frames have the same weight.

    Args:
        detector: from `build_detector`.
        recipe: gives the numbers of anchors and regions, and the seed of the samples.
    """

    def __init__(self, detector: DetectorModel, recipe: DetectionRecipe):
        super().__init__(detector)
        self.recipe = recipe
        self.raw = detector.raw()
        self.whole = keras.Model(self.raw.input, {**self.raw.output, **detector.output})
        self.seed_generator = keras.random.SeedGenerator(recipe.seed)
        self.anchors = anchors_of(detector.spec, self.raw.output["class_maps"])
        self.parts = {}
        if keras.backend.backend() == "tensorflow":  # others would have to return their states
            self.parts = {name: keras.metrics.Mean(name=name) for name in _LOSSES}

    def call(self, clips, training=None):
        return (self.raw if training else self.whole)(clips, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = self._mean_losses(self.targets_of(y), y_pred)
        for tracker, loss in zip(self.parts.values(), losses, strict=False):
            tracker.update_state(loss)
        return sum(losses)

    def loss_of(self, targets: Any, outputs: Any) -> Any:
        """Returns the loss of what the model returned for a batch, of the targets' frames."""
        return sum(self._mean_losses(targets, outputs))

    def targets_of(self, targets: Any) -> Any:
        """Returns the targets of the frames whose objects are detected: the first, for FGFA."""
        if self.clip_model.spec.method != FGFA:
            return targets
        return {name: x[:, :1] for name, x in targets.items()}

    def _mean_losses(self, targets, outputs):
        """Returns the means of the four losses over all frames."""
        boxes, classes = (
            ops.reshape(targets[name], (-1, *targets[name].shape[2:]))
            for name in ("boxes", "classes")
        )
        losses = (
            *self._anchor_losses(outputs, boxes, classes),
            *self._region_losses(outputs, boxes, classes),
        )
        return [ops.mean(loss) for loss in losses]

    def _anchor_losses(self, outputs, boxes, classes):
        spec, count = self.clip_model.spec, self.recipe.anchor_samples
        labels, targets = assign_anchors(
            self.anchors,
            boxes,
            classes >= 0,
            spec.input_height,
            spec.input_width,
        )
        labels = sample_anchors(labels, self.seed_generator, count, count // 2)
        return proposal_losses(
            outputs["object_logits"],
            outputs["object_deltas"],
            labels,
            targets,
            count,
        )

    def _region_losses(self, outputs, boxes, classes):
        rois, labels, targets = assign_rois(outputs["rois"], boxes, classes)
        logits = self.clip_model.get_layer("class_pool")(outputs["class_maps"], rois)
        deltas = self.clip_model.get_layer("box_pool")(outputs["box_maps"], rois)

        count = self.recipe.hard_regions
        labels = hardest(labels, roi_losses(logits, deltas, labels, targets), count)
        return head_losses(logits, deltas, labels, targets, count)

    def evaluate(
        self,
        x: Any = None,
        *args: Any,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Evaluates as Keras does; beside the loss, the mean average precision of the frames."""
        results = validate(self, x, callbacks)
        return results if return_dict else [results["loss"], results[MAP]]
