"""Every private Keras name and every patch of Keras that the project uses, one small function each.

Each function says why it is needed and in which Keras version it was seen. No other module may use
a private name of a Keras object.
"""

import contextlib
import types
from collections.abc import Callable, Iterator

import keras


def flatten_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns a model and all its layers, those inside composite layers too.

    `Model.layers` lists the outermost layers only. Seen in Keras 3.15.
    """
    return list(model._flatten_layers())


def build_symbolically(model: keras.Model, batch) -> None:
    """Creates the variables of a compiled model, its metrics and its optimizer without data.

    Otherwise Keras creates them in the first step, which is too late to restore a state; and with
    JAX, `fit` would take a batch from the dataset to see its shape. Seen in Keras 3.15.

    Args:
        model: a compiled model.
        batch: clips and labels (and weights), of which only shapes and types are used.
    """
    model._symbolic_build(data_batch=batch)


def loss_tracker(model: keras.Model) -> keras.metrics.Metric:
    """Returns the metric that averages a compiled model's loss.

    A custom `train_step` has to update it, or `fit` reports no loss. Seen in Keras 3.15.
    """
    return model._loss_tracker


def variable_index(optimizer: keras.optimizers.Optimizer, variable) -> int:
    """Returns the position of a variable among those that an optimizer was built with.

    `update_step` gets the backend's variable, and needs its slots. Seen in Keras 3.15.
    """
    return optimizer._get_variable_index(variable)


def override_call(layer: keras.layers.Layer, function: Callable) -> None:
    """Makes a layer compute with `function(layer, *args, **kwargs)` instead of its own `call`.

    A subclass would do, but Keras names the groups of a weights file after the classes of layers,
    and networks from `keras.applications` come with Keras' own. The layer's configuration and what
    is saved do not change. Seen in Keras 3.15.
    """
    layer.call = types.MethodType(function, layer)


@contextlib.contextmanager
def distributed_fit(model: keras.Model, num_workers: int) -> Iterator[None]:
    """Context manager in which `fit` works under `tf.distribute` with several workers.

    Keras fails there in two places. `_maybe_symbolic_build` reduces a whole distributed batch: here
    the model has to be built already, see `build_symbolically`. `reduce_per_replica` reduces
    scalars over axis 0: here it averages them over all replicas. Seen in Keras 3.15; a test fails
    when Keras no longer needs this.

    Args:
        model: a compiled model that is built.
        num_workers: processes that train together.
    """
    from keras.src.backend.tensorflow import trainer

    original = trainer.reduce_per_replica

    def reduce_per_replica(values, strategy, reduction):
        if num_workers == 1 or reduction not in ("auto", "mean"):
            return original(values, strategy, reduction)
        return keras.tree.map_structure(lambda v: strategy.reduce("MEAN", v, axis=None), values)

    model._maybe_symbolic_build = lambda **_: None
    trainer.reduce_per_replica = reduce_per_replica
    try:
        yield
    finally:
        trainer.reduce_per_replica = original


def clip_after_reduction(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimizer clip the sum of all replicas' gradients, as one device would.

    Keras clips the gradients of each replica before it sums them. Seen in Keras 3.15.
    """
    import tensorflow as tf

    reduce, limit = optimizer._all_reduce_sum_gradients, optimizer.global_clipnorm
    if not limit:
        return

    def reduce_and_clip(grads_and_vars):
        grads, variables = zip(*reduce(grads_and_vars), strict=True)
        # The norm's last bit depends on threads. All replicas must use the same value, or their
        # weights would drift apart.
        norm = tf.distribute.get_replica_context().all_reduce("MEAN", tf.linalg.global_norm(grads))
        scale = limit / tf.maximum(norm, limit)
        clipped = [gradient * scale for gradient in grads]
        return list(zip(clipped, variables, strict=True))

    optimizer._clip_gradients = lambda grads: grads
    optimizer._all_reduce_sum_gradients = reduce_and_clip
