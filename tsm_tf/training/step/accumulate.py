"""Gradient accumulation: one update of a batch that is too large for the memory, in parts (section 7.3, Table 12).

Keras' `gradient_accumulation_steps` is not used: it counts each part as a step of the schedule, carries an epoch's rest
into the next, and has a condition around the update, which `MirroredStrategy` refuses.
"""

import types

import keras


def accumulate(model: keras.Model, parts: int) -> None:
    """Has a model's training step take its batch in equal parts, one after the other, and update once.

    Args:
        model: of Keras' TensorFlow backend, compiled or not.
        parts: the batch of each device has to be a multiple of it. The gradient is that of the whole batch; batch norms
            see the parts.
    """
    model.train_step = types.MethodType(lambda self, data: _train_step(self, data, parts), model)


def _train_step(model, data, parts):
    import tensorflow as tf

    data = keras.utils.unpack_x_y_sample_weight(data)
    size = tf.shape(data[0])[0] // parts
    variables = model.trainable_variables
    replicas = tf.distribute.get_strategy().num_replicas_in_sync

    def add_part(number, sums):
        x, y, weight = (v if v is None else v[number * size : (number + 1) * size] for v in data)
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = model.compute_loss(x, y, y_pred, weight)  # Keras divides it by the replicas
            scaled = model.optimizer.scale_loss(loss / parts)
        model._loss_tracker.update_state(loss * replicas, sample_weight=size)
        model.compute_metrics(x, y, y_pred, sample_weight=weight)
        return number + 1, [
            s + g for s, g in zip(sums, tape.gradient(scaled, variables), strict=True)
        ]

    zeros = [tf.zeros_like(v) for v in variables]
    # One part at a time, or the memory of all of them is needed at once.
    _, gradients = tf.while_loop(
        lambda i, _: i < parts, add_part, (0, zeros), parallel_iterations=1
    )
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return model.get_metrics_result()
