"""Everything that relies on private names of Keras, each with its reason; seen in Keras 3.15.

No other module uses a name with a leading underscore of a Keras object, or replaces a method of
an instance.
"""

import contextlib
import math
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras

from tsm_tf.errors import InputError

_LIMITING = threading.RLock()  # threads that load models at once take turns


def functional_graph(model: keras.Model) -> Any:
    """Returns the object that holds a model's graph.

    A Sequential model holds a functional model; its own `input` and `output` may be those of
    another call.
    """
    return getattr(model, "_functional", None) or model


def is_functional(operation: Any) -> bool:
    """Returns whether an operation is a functional or sequential model, whose graph is known."""
    is_model = isinstance(operation, keras.Model)
    return is_model and hasattr(functional_graph(operation), "_nodes_by_depth")


def nodes_by_depth(model: keras.Model) -> dict[int, list]:
    """Returns the calls in a model's graph by their distance to the outputs.

    Keras has no public way to walk a graph.
    """
    return functional_graph(model)._nodes_by_depth


def forget_call(node: Any) -> None:
    """Removes a call from the records of its layer.

    A layer with several recorded calls has no `layer.output`. Tensors know their call by its place
    in the record, so build all models that need the call, or a later one, before this.
    """
    node.operation._inbound_nodes.remove(node)


def with_shared_variables(layer: keras.layers.Layer, **attributes: Any) -> Any:
    """Returns a layer with the variables of another one and some attributes changed.

    `from_config` would create new variables, and setting the attributes would change the given
    layer, which must stay as it is.
    """
    variant = object.__new__(type(layer))
    variant.__dict__.update(layer.__dict__, _inbound_nodes=[], _outbound_nodes=[], **attributes)
    return variant


def frozen_with_shared_variables(layer: keras.layers.Layer, **attributes: Any) -> Any:
    """Returns `with_shared_variables`, frozen.

    Setting `trainable` would freeze the shared variables for the given layer as well.
    """
    return with_shared_variables(layer, _trainable=False, **attributes)


def flatten_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns a model and all its layers, those inside composite layers too.

    `Model.layers` lists the outermost layers only.
    """
    return list(model._flatten_layers())


def build_symbolically(model: keras.Model, batch: Any) -> None:
    """Creates the variables of a compiled model, its metrics and its optimizer without data.

    Otherwise Keras creates them in the first step, which is too late to restore a state; and with
    JAX, `fit` would take a batch from the dataset to see its shape.

    Args:
        model: a compiled model.
        batch: clips and labels (and weights), of which only shapes and types are used.
    """
    model._symbolic_build(data_batch=batch)


def loss_tracker(model: keras.Model) -> keras.metrics.Metric:
    """Returns the metric that averages a compiled model's loss.

    A custom `train_step` has to update it, or `fit` reports no loss.
    """
    return model._loss_tracker


def variable_index(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """Returns the position of a variable among those that an optimizer was built with.

    `update_step` gets the backend's variable, and needs its slots.
    """
    return optimizer._get_variable_index(variable)


def override_call(layer: keras.layers.Layer, function: Callable) -> None:
    """Makes a layer compute with `function(layer, *args, **kwargs)` instead of its own `call`.

    A subclass would do, but Keras names the groups of a weights file after the classes of layers,
    and networks from `keras.applications` come with Keras' own. The layer's configuration and what
    is saved do not change.
    """
    layer.call = types.MethodType(function, layer)


@contextlib.contextmanager
def limited_weights(count: int, argument: str, zeros: bool = False) -> Iterator[None]:
    """Context manager in which this thread's layers can create a limited number of weights.

    A JSON of 100 bytes can ask for a terabyte. Keras creates the weights while it builds the
    layers, and has no hook before it allocates them.

    Args:
        count: the number of weights.
        argument: what asks for them, for the error.
        zeros: create zeros, without running the layers' initialisers; for weights that are loaded
            next.

    Raises:
        InputError: inside the context, before the weights beyond the limit are allocated.
    """
    thread = threading.get_ident()
    left = count

    def add_weight(layer, *args, shape=None, **kwargs):
        nonlocal left
        if threading.get_ident() == thread:
            dimensions = next((x for x in args if isinstance(x, (tuple, list))), shape)
            left -= math.prod(int(x) for x in keras.tree.flatten(dimensions or ()))
            if left < 0:
                rule = f"must describe at most {count:,} weights in all"
                raise InputError(argument, rule, f"{layer.name}: {dimensions}")
            if zeros:
                kwargs["initializer"] = "zeros"
        return original(layer, *args, shape=shape, **kwargs)

    with _LIMITING:
        original = keras.layers.Layer.add_weight
        keras.layers.Layer.add_weight = add_weight
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = original


@contextlib.contextmanager
def distributed_fit(model: keras.Model, num_workers: int) -> Iterator[None]:
    """Context manager in which `fit` works under `tf.distribute` with several workers.

    Keras fails there in two places. `_maybe_symbolic_build` reduces a whole distributed batch: here
    the model has to be built already, see `build_symbolically`. `reduce_per_replica` reduces
    scalars over axis 0: here it averages them over all replicas. A test fails
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

    Keras clips the gradients of each replica before it sums them.
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
