"""The cost of one call of a layer, by the kind of layer; `cost` adds them up."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tsm_tf.layers.clip_conv import ClipConv
from tsm_tf.layers.correlation import Correlation
from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv
from tsm_tf.layers.grouped_conv import GroupedConv2D
from tsm_tf.layers.non_local import NonLocal
from tsm_tf.layers.region_graph import RegionGraph
from tsm_tf.layers.relation import TemporalRelation
from tsm_tf.layers.streaming_temporal_shift import StreamingTemporalShift
from tsm_tf.layers.temporal_pool import TemporalPool
from tsm_tf.layers.temporal_shift import TemporalShift

Shape = tuple[int | None, ...]

# Layers that have weights but use each value once.
_ELEMENTWISE = (
    layers.BatchNormalization,
    layers.Embedding,
    layers.GroupNormalization,
    layers.LayerNormalization,
    layers.Normalization,
    layers.PReLU,
    StreamingTemporalShift,
)

# Layers and operations that multiply without weights. Names, because `keras.ops` has no public
# classes.
_UNKNOWN = {
    "AdditiveAttention",
    "Attention",
    "Conv",
    "ConvTranspose",
    "DepthwiseConv",
    "Dot",
    "DotProductAttention",
    "Inner",
    "Outer",
    "SeparableConv",
    "Tensordot",
    "Vdot",
}

# Variables that are not parameters, by name: a frozen layer has no trainable weights at all.
_STATE = {"cache", "moving_mean", "moving_variance"}

_FLOAT32_BYTES = 4


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """The cost of one call of a layer, for one clip.

    Attributes:
        layer: the layer's name.
        kind: the layer's class.
        output: shape of its output; the frames of a clip are rows.
        parameters: number of weights, without caches and the moving averages of batch norms; 0 if
            an earlier call has counted them.
        multiply_adds: see `multiply_adds`; None if unknown.
        inputs: elements of the input tensors.
        moved: elements that it moves along time, including the zeros that enter at a clip's ends.
        cache_bytes: size of its cache when it streams, in float32; None if it cannot stream.
    """

    layer: str
    kind: str
    output: Shape
    parameters: int
    multiply_adds: int | None
    inputs: int
    moved: int = 0
    cache_bytes: int | None = 0


def call_cost(node: Any, seen: set[int]) -> LayerCost:
    """Returns the cost of a call.

    Args:
        node: a call from `graph.calls`, in a model whose batch is the frames of one clip.
        seen: `id` of each weight that has been counted; this call's weights are added.
    """
    operation = node.operation
    inputs = [tuple(x.shape) for x in node.input_tensors]
    output = tuple(node.outputs[0].shape)

    weights = [w for w in getattr(operation, "weights", ()) if id(w) not in seen]
    seen.update(map(id, weights))
    moved, cache_bytes = _shift_cost(operation, inputs)

    return LayerCost(
        layer=operation.name,
        kind=type(operation).__name__,
        output=output,
        parameters=sum(math.prod(w.shape) for w in weights if w.name not in _STATE),
        multiply_adds=multiply_adds(operation, inputs, output),
        inputs=sum(math.prod(filter(None, shape)) for shape in inputs),
        moved=moved,
        cache_bytes=cache_bytes,
    )


def multiply_adds(operation: Any, inputs: Sequence[Shape], output: Shape) -> int | None:
    """Returns the multiply-adds of one call.

    Convolutions (including depthwise, separable and transposed ones), dense layers, `NonLocal`,
    `Correlation`, and `matmul` and `einsum` of two tensors count. Padding zeros count as any other
    value. Biases, normalisation, activations, pooling, elementwise sums and products, and the shift
    count 0.

    Args:
        operation: a Keras layer, or an operation from `keras.ops`.
        inputs: shapes of the input tensors, including the batch.
        output: shape of the first output.

    Returns:
        A number for the whole batch; 0 for everything that the list above does not name. None if
        the number is unknown: for a layer with weights but without a rule (such as a subclass of a
        layer with a rule, which may compute anything), for an operation that multiplies but has no
        rule, and for unknown shapes.
    """
    is_layer = isinstance(operation, keras.layers.Layer)
    kind = type(operation).__name__
    rule = _LAYERS.get(type(operation)) if is_layer else _OPERATIONS.get(kind)

    if rule is not None:
        if any(None in shape for shape in (*inputs, output)):
            return None
        return rule(operation, inputs, output)

    if kind in _UNKNOWN:
        return None
    if is_layer and operation.weights and not isinstance(operation, _ELEMENTWISE):
        return None
    return 0


def _shift_cost(operation, inputs):
    """Returns the elements that a call moves and the bytes of its cache (None: cannot stream)."""
    if isinstance(operation, (NonLocal, TemporalPool, TemporalRelation)):
        return 0, None
    if not isinstance(operation, (TemporalShift, StreamingTemporalShift)):
        return 0, 0

    moved = math.prod(inputs[0][:-1]) * operation.fold
    if getattr(operation, "shift_mode", None) == "bidirectional":
        return 2 * moved, None
    return moved, moved // getattr(operation, "num_segments", 1) * _FLOAT32_BYTES


def _kernel(layer, inputs, output):
    """Each output sums over the kernel's window and the input channels of its group."""
    return math.prod(output) * math.prod(layer.kernel.shape[:-1])


def _depthwise(layer, inputs, output):
    return math.prod(output) * math.prod(layer.kernel_size)


def _separable(layer, inputs, output):
    depthwise_channels = layer.pointwise_kernel.shape[-2]
    positions = math.prod(output) // layer.filters
    return positions * depthwise_channels * (math.prod(layer.kernel_size) + layer.filters)


def _transposed(layer, inputs, output):
    """Each input is multiplied by the whole kernel, even where `padding` crops the result."""
    return math.prod(inputs[0]) * math.prod(layer.kernel.shape[:-1])


def _non_local(layer, inputs, output):
    *rows, height, width, channels = inputs[0]
    inner, frames = channels // 2, layer.num_segments
    positions = math.prod(rows) * height * width
    keys = frames * (height // 2) * (width // 2)

    embeddings = 4 * positions * channels * inner  # theta, phi, g, and W at the end
    attention = 2 * positions * keys * inner  # similarities, and the weighted sums
    return embeddings + attention


def _correlation(layer, inputs, output):
    """Each value is weighted and multiplied by another, once per displacement."""
    return 2 * math.prod(inputs[0]) * layer.filter_size**2


def _region_graph(layer, inputs, output):
    rows, nodes, channels = inputs[0]
    products = 2 + 3 * layer.num_layers  # with each of the dense layers
    graphs = 1 + 3 * layer.num_layers  # the similarities, and three graphs per layer
    return rows * nodes * channels * (products * channels + graphs * nodes)


def _relations(layer, inputs, output):
    """All frames are compared once, fewer frames by as many relations as the layer has of them."""
    weights = [
        math.prod(hidden.kernel.shape) + math.prod(logits.kernel.shape)
        for hidden, logits in zip(layer.hidden, layer.logits, strict=True)
    ]
    counts = [1, *(len(layer.relations) // max(1, len(weights) - 1) for _ in weights[1:])]
    per_clip = sum(count * weight for count, weight in zip(counts, weights, strict=True))
    return per_clip * inputs[0][0] // layer.num_segments


def _matmul(operation, inputs, output):
    return math.prod(output) * inputs[0][-1] if len(inputs) == 2 else None


def _einsum(operation, inputs, output):
    return _equation(operation.subscripts, inputs)


def _einsum_dense(layer, inputs, output):
    return _equation(layer.equation, [inputs[0], layer.kernel.shape])


def _equation(equation, shapes):
    """Returns the product of the sizes of all letters: one multiply-add per combination."""
    terms = equation.partition("->")[0].split(",")
    if "." in equation or not len(terms) == len(shapes) == 2:
        return None

    sizes = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values())


_LAYERS = {
    layers.Conv1D: _kernel,
    layers.Conv2D: _kernel,
    layers.Conv3D: _kernel,
    layers.Dense: _kernel,
    layers.DepthwiseConv1D: _depthwise,
    layers.DepthwiseConv2D: _depthwise,
    layers.SeparableConv1D: _separable,
    layers.SeparableConv2D: _separable,
    layers.Conv1DTranspose: _transposed,
    layers.Conv2DTranspose: _transposed,
    layers.Conv3DTranspose: _transposed,
    layers.EinsumDense: _einsum_dense,
    ClipConv: _kernel,
    Correlation: _correlation,
    DepthwiseClipConv: _depthwise,
    GroupedConv2D: _kernel,
    NonLocal: _non_local,
    RegionGraph: _region_graph,
    TemporalRelation: _relations,
}
_OPERATIONS = {"Matmul": _matmul, "Einsum": _einsum}
