"""Ranges of weights that are so small that their biases would not fit into 32 bits."""

import numpy as np

from export.format.reader import Model, Tensor, parse_model
from export.tflite.calibrate import Ranges

_LAYOUTS = {
    # positions of input, weights and bias; the axis of the weights that has a scale per channel
    "CONV_2D": ((0, 1, 2), 0),
    "DEPTHWISE_CONV_2D": ((0, 1, 2), 3),
    "FULLY_CONNECTED": ((0, 1, 2), None),
    "TRANSPOSE_CONV": ((2, 1, 3), 0),
}
_SMALLEST_RANGE = 1e-9  # LiteRT Quantizer's own, for values that are all equal
_LARGEST_BIAS = 2**30
_SMALLEST_SCALE = 1e-19  # ten times what `export.format` allows


def widen_weights(content: bytes, ranges: Ranges) -> Ranges:
    """Returns the ranges of tensors, with those of weights that need a wider range.

    A bias is stored as an integer with the scale of the input times that of the weights. If a
    filter's weights are all zero, as some are after training, this product would be so small that
    the bias would overflow.

    Args:
        content: bytes of a float32 file.
        ranges: from `measure_ranges`.
    """
    file = parse_model(content)
    tensors, widened = file.graphs[0].tensors, dict(ranges)

    for operator in file.graphs[0].operators:
        positions, axis = _LAYOUTS.get(operator.name, ((), None))
        indices = [operator.inputs[i] for i in positions if i < len(operator.inputs)]
        if len(indices) < 3 or -1 in indices or tensors[indices[0]].name not in ranges:
            continue

        source, weights, bias = (tensors[index] for index in indices)
        values, biases = _floats(weights, file), np.abs(_floats(bias, file))
        if axis is None:
            largest = np.abs(values).max(keepdims=True)
            biases = biases.max().reshape(largest.shape)
        else:
            others = tuple(i for i in range(values.ndim) if i != axis)
            largest = np.abs(values).max(axis=others, keepdims=True)
            biases = biases.reshape(largest.shape)

        needed = np.maximum(biases / _LARGEST_BIAS, _SMALLEST_SCALE) / _scale(ranges[source.name])
        if (largest < 127 * needed).any():
            bound = np.maximum(largest, 127 * needed).astype(np.float32)
            widened[weights.name] = {"min": -bound, "max": bound}
    return widened


def _floats(tensor: Tensor, file: Model) -> np.ndarray:
    return file.constant(tensor).view(np.float32).reshape(tensor.shape)


def _scale(activations: dict[str, np.ndarray]) -> float:
    span = max(activations["max"].item(), 0) - min(activations["min"].item(), 0)
    return max(span, _SMALLEST_RANGE) / 255
