"""Gradient accumulation: one update from a batch that is too large for the memory, in parts.

Section 7.3 and Table 12 train with batches of up to 12,288 clips. Keras'
`gradient_accumulation_steps` is not used: it counts each part as a step of the schedule, carries
the rest of an epoch into the next, and puts a condition around the update, which
`MirroredStrategy` rejects.
"""

import keras

from tsm_tf.keras_internals import loss_tracker
from tsm_tf.models.clip import ClipModel
from tsm_tf.training.step.distill import Distillation
from tsm_tf.training.step.training_model import TrainingModel


class AccumulatingModel(TrainingModel):
    """A training model whose step splits its batch into equal parts and updates once.

    The parts are computed one after the other. The gradient is that of the whole batch; batch norms
    see the parts. It needs Keras' TensorFlow backend.

    Args:
        clip_model: a model from `build_model`.
        parts: number of parts; the batch of each device has to be a multiple of it.
        distillation: see `TrainingModel`.
        window: see `TrainingModel`.
        multi_label: see `TrainingModel`.
    """

    def __init__(
        self,
        clip_model: ClipModel,
        parts: int,
        distillation: Distillation | None = None,
        window: int | None = None,
        multi_label: bool = False,
    ):
        super().__init__(clip_model, distillation, window, multi_label)
        self.parts = parts

    def train_step(self, data):
        import tensorflow as tf

        data = keras.utils.unpack_x_y_sample_weight(data)
        size = tf.shape(data[0])[0] // self.parts
        variables = self.trainable_variables
        replicas = tf.distribute.get_strategy().num_replicas_in_sync

        def add_part(number, sums):
            part = slice(number * size, (number + 1) * size)
            x, y, weight = (value if value is None else value[part] for value in data)
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred, weight)  # Keras divides it by the replicas
                scaled = self.optimizer.scale_loss(loss / self.parts)
            loss_tracker(self).update_state(loss * replicas, sample_weight=size)
            self.compute_metrics(x, y, y_pred, sample_weight=weight)
            gradients = tape.gradient(scaled, variables)
            return number + 1, [s + g for s, g in zip(sums, gradients, strict=True)]

        # One part at a time: otherwise all of them need memory at once.
        _, gradients = tf.while_loop(
            lambda number, _: number < self.parts,
            add_part,
            (0, [tf.zeros_like(v) for v in variables]),
            parallel_iterations=1,
        )
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.get_metrics_result()
