"""Walks the graph of a functional Keras model, finds its residual branches, and computes it again with changes.

The clip model, the stream model and `retrofit` rest on this. Keras has no public way to walk a graph: the private
names that it takes (`_nodes_by_depth`, `_inbound_nodes`, `_functional`, a node's fields) are in this module only.
"""

import functools
from collections.abc import Callable

import keras
from keras import tree


def is_graph(operation) -> bool:
    """Tells whether an operation is a functional or sequential model, whose calls are known."""
    return isinstance(operation, keras.Model) and hasattr(_functional(operation), "_nodes_by_depth")


def calls(model: keras.Model) -> list:
    """Returns the calls of a functional model in an order in which they can be computed, without the inputs.

    Each is a node with `operation`, `input_tensors` and `outputs`; a layer that is used twice has two.
    """
    by_depth = _functional(model)._nodes_by_depth
    return [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if not node.is_input
    ]


def call_again(node, values: dict):
    """Returns the outputs of a call on the new `values` (by `id`) of its tensors."""
    args, kwargs = node.arguments.fill_in(values)
    return node.operation(*args, **kwargs)


def replay(model: keras.Model, inputs, change: Callable = call_again):
    """Computes a functional model again on other inputs, with the same layers.

    Args:
        model: the model.
        inputs: tensors in place of its inputs.
        change: `change(node, values)` returns the outputs of one call; as it is, every call is made as before.

    Returns:
        The outputs, structured as the model's.
    """
    values = {
        id(old): new
        for old, new in zip(_functional(model).inputs, tree.flatten(inputs), strict=True)
    }
    for node in calls(model):
        outputs = tree.flatten(change(node, values))
        values.update((id(old), new) for old, new in zip(node.outputs, outputs, strict=True))
    return tree.map_structure(lambda x: values[id(x)], _functional(model).output)


def inline(model: keras.Model, batch_size: int | None = None) -> keras.Model:
    """Returns a model with the same layers and no models nested in it; a `batch_size` replaces that of its inputs."""

    def new_input(x):
        shape = x.shape if batch_size is None else (batch_size, *x.shape[1:])
        return keras.Input(batch_shape=shape, dtype=x.dtype, name=x.name)

    inputs = tree.map_structure(new_input, _functional(model).input)
    return keras.Model(inputs, replay(model, inputs, _call_or_open), name=model.name)


def _call_or_open(node, values):
    if not is_graph(node.operation):
        return call_again(node, values)
    args, kwargs = node.arguments.fill_in(values)
    return replay(node.operation, args[0] if args else kwargs["inputs"], _call_or_open)


def forget(model: keras.Model) -> None:
    """Takes a model's calls out of its layers' records, so that `layer.output` is that of the model made next."""
    for node in calls(model):
        node.operation._inbound_nodes.remove(node)


def residual_entries(model: keras.Model) -> list[tuple]:
    """Finds where residual branches begin, in the order of the graph: pairs of a tensor and the call that takes it.

    For each addition (the layer, `ops.add`, or `+` of two tensors of one shape), that is the first call of the longer
    path from the nearest tensor that all its inputs come from. A shift between the two leaves the identity as it is
    (section 3.3.2, Fig. 3).
    """
    order = calls(model)
    tensors = [*_functional(model).inputs, *(x for node in order for x in node.outputs)]
    number = {id(x): i for i, x in enumerate(tensors)}
    ancestors = [1 << i for i in range(len(tensors))]  # sets of tensors, as the bits of an integer
    entries = {}
    for position, node in enumerate(order):
        sets = [ancestors[number[id(x)]] for x in node.input_tensors]
        for x in node.outputs:
            for found in sets:
                ancestors[number[id(x)]] |= found
        if _is_addition(node):
            common = functools.reduce(int.__and__, sets)
            source = tensors[common.bit_length() - 1] if common else None
            entry = (
                _first_of_longest_path(order[:position], source, node.input_tensors)
                if common
                else None
            )
            if entry is not None:
                entries[id(source), id(entry)] = (source, entry)
    place = {id(node): i for i, node in enumerate(order)}
    return sorted(entries.values(), key=lambda pair: place[id(pair[1])])


def _first_of_longest_path(order, source, targets):
    """Returns the call that begins the longest path from a tensor to any of `targets`; None if all are that tensor."""
    longest = {id(source): (0, None)}
    for node in order:
        known = [longest[id(x)] for x in node.input_tensors if id(x) in longest]
        if known:
            length, first = max(known, key=lambda path: path[0])
            for x in node.outputs:
                longest[id(x)] = (length + 1, first or node)
    return max((longest[id(x)] for x in targets), key=lambda path: path[0])[1]


def _is_addition(node):
    is_add = (
        isinstance(node.operation, keras.layers.Add) or type(node.operation).__name__ == "Add"
    )  # of keras.ops
    return (
        is_add and len(node.input_tensors) > 1 and len({x.shape for x in node.input_tensors}) == 1
    )


def _functional(model):
    """The graph; a Sequential has it in there, and its own `input` and `output` are those of a call, if any."""
    return getattr(model, "_functional", None) or model
