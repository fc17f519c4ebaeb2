"""`TrainingModel`: what `fit` trains. It holds a clip model and, if there is one, its teacher."""

from typing import Any

import keras
import numpy as np

from tsm_tf.models.clip import ClipModel
from tsm_tf.spec import DEFAULT_THRESHOLD
from tsm_tf.training.step.distill import Distillation
from tsm_tf.training.step.fitted_model import FittedModel
from tsm_tf.training.step.validation import validate_multi_label

_DECIMALS = 3  # of a threshold


class TrainingModel(FittedModel):
    """Trains a clip model, whose weights it shares.

    Args:
        clip_model: a model from `build_model`.
        distillation: adds the loss of a teacher; None trains on the labels alone.
        window: number of frames of a window, to train on the logits of each frame of a stream;
            None trains on clips.
        multi_label: whether clips have several classes; see `ModelSpec`.

    Attributes:
        thresholds: those of a multi-label model from the last validation, `float32 [num_classes]`.
            They are a variable, so that they are a part of the training's state.
    """

    def __init__(
        self,
        clip_model: ClipModel,
        distillation: Distillation | None = None,
        window: int | None = None,
        multi_label: bool = False,
    ):
        super().__init__(clip_model)
        self.trained = clip_model.per_frame(window) if window else clip_model
        self.distillation = distillation
        self.thresholds = None
        if multi_label:
            self.thresholds = self.add_weight(
                shape=(clip_model.spec.num_classes,),
                initializer=keras.initializers.Constant(DEFAULT_THRESHOLD),
                dtype="float32",
                trainable=False,
                name="thresholds",
            )

    def call(self, clips, training=None):
        return self.trained(clips, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training or self.distillation is None:
            return loss
        return self.distillation.mixed_loss(loss, x, y_pred, self.optimizer.iterations)

    def evaluate(
        self,
        x: Any = None,
        *args: Any,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Evaluates as Keras does; a multi-label model as `validate_multi_label` does."""
        if self.thresholds is None:
            return super().evaluate(
                x, *args, callbacks=callbacks, return_dict=return_dict, **kwargs
            )
        results, thresholds = validate_multi_label(self, x, callbacks)
        self.thresholds.assign(np.array(thresholds, np.float32))
        return results if return_dict else list(results.values())

    def finished_clip_model(self) -> ClipModel:
        """Returns the clip model; the spec of a multi-label model gets the fitted thresholds."""
        if self.thresholds is not None:
            fitted = keras.ops.convert_to_numpy(self.thresholds).tolist()
            thresholds = tuple(round(threshold, _DECIMALS) for threshold in fitted)
            self.clip_model.spec = self.clip_model.spec.replace(thresholds=thresholds)
        return self.clip_model
