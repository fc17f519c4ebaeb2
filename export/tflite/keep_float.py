"""Finds the operators of layers that stay in float32 in a quantised file."""

import re
from collections.abc import Collection

import keras

from export.format.metadata import DETECTIONS
from export.format.reader import parse_model
from tsm_tf.errors import InputError
from tsm_tf.models.network import HEAD


def find_layers(model: keras.Model, pattern: str) -> list[str]:
    """Returns the names of the layers in which a regular expression is found.

    Raises:
        InputError: it is in no name.
    """
    names = [layer.name for layer in model.layers]
    found = [name for name in names if re.search(pattern, name)]
    if not found:
        rule = f"must be found in the name of a layer: {', '.join(names)}"
        raise InputError("keep_float", rule, pattern)
    return found


def find_results(content: bytes, layers: Collection[str]) -> list[str]:
    """Returns the names of the tensors that operators of these layers compute.

    The converter joins the paths of layers that it fuses to one operator, for example
    `tsm_resnet50_1/relu_1/Relu;tsm_resnet50_1/conv1_1/convolution`, where Keras has appended `_1`
    to each name. The operator that makes the logits may have lost its path.

    Args:
        content: bytes of a float32 file.
        layers: names of layers of the Keras model.

    Raises:
        InputError: none of the layers has an operator of its own.
    """
    file = parse_model(content)
    graph, (signature,) = file.graphs[0], file.signatures

    found = []
    for operator in graph.operators:
        index = operator.outputs[0]
        paths = [path.split("/")[1:-1] for path in graph.tensors[index].name.split(";")]
        names = {name.removesuffix("_1") for path in paths for name in path}
        if index == signature.outputs.get("logits"):
            names.add(HEAD)
        if not names.isdisjoint(layers):
            found.append(graph.tensors[index].name)

    if not found:
        rule = "must be found in the name of a layer that computes something in the file"
        raise InputError("keep_float", rule, ", ".join(layers))
    return found


def find_box_operators(content: bytes) -> list[str]:
    """Returns the names of the tensors that the last part of a detector computes.

    These are the last convolutions, and what computes the detections from their results. The names
    of several results of one operator are joined by semicolons, as in LiteRT Quantizer.

    Args:
        content: bytes of a float32 file.
    """
    file = parse_model(content)
    graph, (signature,) = file.graphs[0], file.signatures
    found, needed = [], {signature.outputs[name] for name in DETECTIONS}

    for operator in reversed(graph.operators):
        if needed.isdisjoint(operator.outputs):
            continue
        found.append(";".join(graph.tensors[index].name for index in operator.outputs))
        if operator.name != "CONV_2D":
            needed.update(operator.inputs)
    return found
