"""Everything that relies on private names of Keras, each with its reason; seen in Keras 3.15.

No other module uses a name with a leading underscore of a Keras object, or replaces a method of
an instance.
"""

from typing import Any

import keras


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
