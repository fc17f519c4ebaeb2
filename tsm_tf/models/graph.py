"""Walks the graph of a functional Keras model and computes it again with changes.

The clip model, the stream model and `retrofit` are built on this.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import tree

from tsm_tf.keras_internals import (
    forget_call,
    functional_graph,
    is_functional,
    nodes_by_depth,
)


def calls(model: keras.Model) -> list:
    """Returns the calls in a functional model, without its inputs, in a computable order.

    Each call is a node with `operation`, `input_tensors`, `arguments` and `outputs`; a layer that
    is used twice has two calls.
    """
    by_depth = nodes_by_depth(model)
    return [
        node
        for depth in sorted(by_depth, reverse=True)
        for node in by_depth[depth]
        if not node.is_input
    ]


def call_again(node: Any, values: dict[int, Any]) -> Any:
    """Repeats a call with the new `values` (by `id`) of its tensors and returns its outputs."""
    args, kwargs = node.arguments.fill_in(values)
    return node.operation(*args, **kwargs)


def replay(model: keras.Model, inputs: Any, change: Callable = call_again) -> Any:
    """Computes a functional model again on other inputs, with the same layers.

    Args:
        model: the model.
        inputs: tensors that replace its inputs.
        change: `change(node, values)` returns the outputs of one call; by default, each call is
            repeated unchanged.

    Returns:
        The outputs, structured like the model's.
    """
    graph = functional_graph(model)
    values = {id(old): new for old, new in zip(graph.inputs, tree.flatten(inputs), strict=True)}
    for node in calls(model):
        outputs = tree.flatten(change(node, values))
        values.update((id(old), new) for old, new in zip(node.outputs, outputs, strict=True))
    return tree.map_structure(lambda x: values[id(x)], graph.output)


def inline(
    model: keras.Model,
    batch_size: int | None = None,
    unknown: int | None = None,
) -> keras.Model:
    """Returns a model with the same layers and without nested models.

    Args:
        model: a functional or sequential model.
        batch_size: replaces that of its inputs; None keeps it.
        unknown: replaces other unknown sizes of its inputs; None keeps them.
    """

    def new_input(x):
        sizes = [unknown if size is None else size for size in x.shape[1:]]
        shape = (x.shape[0] if batch_size is None else batch_size, *sizes)
        return keras.Input(batch_shape=shape, dtype=x.dtype, name=x.name)

    inputs = tree.map_structure(new_input, functional_graph(model).input)
    return keras.Model(inputs, replay(model, inputs, _call_or_open), name=model.name)


def _call_or_open(node: Any, values: dict[int, Any]) -> Any:
    if not is_functional(node.operation):
        return call_again(node, values)
    args, kwargs = node.arguments.fill_in(values)
    return replay(node.operation, args[0] if args else kwargs["inputs"], _call_or_open)


def forget(model: keras.Model) -> None:
    """Removes a model's calls from the records of its layers.

    Afterwards `layer.output` is that of the model that is built next.
    """
    for node in calls(model):
        forget_call(node)


def residual_entries(model: keras.Model) -> list[tuple]:
    """Finds where residual branches begin (section 3.3.2, Fig. 3).

    For each addition (the layer, `ops.add`, or `+` of tensors with one shape), that is the first
    call on the longer path from the nearest tensor that all its inputs depend on. A shift between
    the two leaves the identity unchanged.

    Returns:
        Pairs of a tensor and the call that takes it, in the order of the graph.
    """
    order = calls(model)
    tensors = [*functional_graph(model).inputs, *(x for node in order for x in node.outputs)]
    number = {id(x): i for i, x in enumerate(tensors)}
    ancestors = [1 << i for i in range(len(tensors))]  # sets of tensors, as the bits of an integer

    entries = {}
    for position, node in enumerate(order):
        sets = [ancestors[number[id(x)]] for x in node.input_tensors]
        for x in node.outputs:
            for found in sets:
                ancestors[number[id(x)]] |= found

        common = functools.reduce(int.__and__, sets) if _is_addition(node) else 0
        if common:
            source = tensors[common.bit_length() - 1]
            entry = _first_of_longest_path(order[:position], source, node.input_tensors)
            if entry is not None:
                entries[id(source), id(entry)] = (source, entry)

    place = {id(node): i for i, node in enumerate(order)}
    return sorted(entries.values(), key=lambda pair: place[id(pair[1])])


def _first_of_longest_path(order: Sequence, source: Any, targets: Sequence) -> Any:
    """Returns the first call on the longest path from `source` to any target, None without one."""
    longest = {id(source): (0, None)}
    for node in order:
        known = [longest[id(x)] for x in node.input_tensors if id(x) in longest]
        if known:
            length, first = max(known, key=lambda path: path[0])
            for x in node.outputs:
                longest[id(x)] = (length + 1, first or node)
    return max((longest[id(x)] for x in targets), key=lambda path: path[0])[1]


def _is_addition(node: Any) -> bool:
    is_layer = isinstance(node.operation, keras.layers.Add)
    is_add = is_layer or type(node.operation).__name__ == "Add"  # the class behind `keras.ops.add`
    shapes = {x.shape for x in node.input_tensors}
    return is_add and len(node.input_tensors) > 1 and len(shapes) == 1
