"""`TrainingModel`: what `fit` trains. It holds a clip model and, if there is one, its teacher."""

import keras

from tsm_tf.models.clip import ClipModel
from tsm_tf.training.step.distill import Distillation


class TrainingModel(keras.Model):
    """Trains a clip model, whose weights it shares.

    Args:
        clip_model: a model from `build_model`.
        distillation: adds the loss of a teacher; None trains on the labels alone.
        window: number of frames of a window, to train on the logits of each frame of a stream;
            None trains on clips.
    """

    def __init__(
        self,
        clip_model: ClipModel,
        distillation: Distillation | None = None,
        window: int | None = None,
    ):
        super().__init__(name="training")
        self.clip_model = clip_model
        self.trained = clip_model.per_frame(window) if window else clip_model
        self.distillation = distillation

    def call(self, clips, training=None):
        return self.trained(clips, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training or self.distillation is None:
            return loss
        return self.distillation.mixed_loss(loss, x, y_pred, self.optimizer.iterations)
