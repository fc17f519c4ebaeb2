"""The cost of one call of a layer, by the kind of layer; `cost` adds them up."""

import dataclasses
import math

import keras
from keras import layers

from tsm_tf.layers.non_local import NonLocal
from tsm_tf.layers.temporal_pool import TemporalPool
from tsm_tf.layers.temporal_shift import StreamingTemporalShift, TemporalShift

_ELEMENTWISE = (  # they own weights, and meet each value once
    *(
        layers.BatchNormalization,
        layers.LayerNormalization,
        layers.GroupNormalization,
        layers.Normalization,
    ),
    *(layers.PReLU, layers.Embedding, StreamingTemporalShift),
)
_UNKNOWN = {  # they own no weights, and multiply all the same: names, because `keras.ops` has no public classes
    *("Attention", "AdditiveAttention", "Dot", "Inner", "Outer", "Tensordot", "Vdot"),
    *("Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "DotProductAttention"),
}
_STATE = {
    "moving_mean",
    "moving_variance",
    "cache",
}  # by name: a frozen layer has no trainable weights at all
_FLOAT32_BYTES = 4


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """The cost of one call of a layer, for one clip.

    Attributes:
        layer, kind: its name and its class.
        output: shape of its output; the frames of a clip are rows.
        parameters: weights but the averages of batch norms and caches; 0 if an earlier call has counted them.
        multiply_adds: see `multiply_adds`; None where they cannot be told.
        inputs: elements of the tensors that it takes.
        moved: elements that it moves along time, with the zeros that enter at a clip's ends.
        cache_bytes: what it keeps for the next frame when it streams, in float32; None if it cannot.
    """

    layer: str
    kind: str
    output: tuple
    parameters: int
    multiply_adds: int | None
    inputs: int
    moved: int = 0
    cache_bytes: int | None = 0


def call_cost(node, seen: set) -> LayerCost:
    """Returns the cost of a call.

    Args:
        node: a call of `graph.calls`, of a model whose batch is the frames of one clip.
        seen: `id` of the weights that have been counted; this call's are added.
    """
    operation = node.operation
    inputs, output = [tuple(x.shape) for x in node.input_tensors], tuple(node.outputs[0].shape)
    weights = [w for w in getattr(operation, "weights", ()) if id(w) not in seen]
    seen.update(map(id, weights))
    return LayerCost(
        operation.name,
        type(operation).__name__,
        output,
        sum(math.prod(w.shape) for w in weights if w.name not in _STATE),
        multiply_adds(operation, inputs, output),
        sum(math.prod(filter(None, shape)) for shape in inputs),
        *_shift_cost(operation, inputs),
    )


def multiply_adds(operation, inputs: list[tuple], output: tuple) -> int | None:
    """Returns the multiply-adds of one call, 0 for what is not listed here, None where they cannot be told.

    Counted are convolutions (also depthwise, separable and transposed), dense layers, `NonLocal`, and `matmul` and
    `einsum` of two tensors. The zeros around an image are multiplied as any value. Biases, normalisations,
    activations, pooling, sums and products of single values count 0, as does the shift.

    Args:
        operation: a Keras layer, or an operation of `keras.ops`.
        inputs: the shapes of the tensors that it takes, batch included.
        output: the shape of its first output.

    Returns:
        A number for the whole batch. None for a layer that owns weights and has no rule (a layer derived from one
        with a rule, too: it may compute anything), for an operation that multiplies and has none, and for a rule's
        layer whose shapes are not known.
    """
    is_layer = isinstance(operation, keras.layers.Layer)
    kind = type(operation).__name__
    rule = _LAYERS.get(type(operation)) if is_layer else _OPERATIONS.get(kind)
    if rule is not None:
        return (
            None
            if any(None in shape for shape in (*inputs, output))
            else rule(operation, inputs, output)
        )
    has_weights = is_layer and bool(operation.weights)
    unknown = kind in _UNKNOWN or (has_weights and not isinstance(operation, _ELEMENTWISE))
    return None if unknown else 0


def _shift_cost(operation, inputs):
    """Returns the elements that a call moves, and the bytes of its cache (None: it needs frames yet to come)."""
    if isinstance(operation, (NonLocal, TemporalPool)):
        return 0, None
    if not isinstance(operation, (TemporalShift, StreamingTemporalShift)):
        return 0, 0
    moved = math.prod(inputs[0][:-1]) * operation.fold
    if getattr(operation, "shift_mode", None) == "bidirectional":
        return 2 * moved, None
    return moved, moved // getattr(operation, "num_segments", 1) * _FLOAT32_BYTES


def _of_kernel(layer, inputs, output):
    """Each output is a sum over the kernel's window and the channels (of its group), the axes before the last."""
    return math.prod(output) * math.prod(layer.kernel.shape[:-1])


def _depthwise(layer, inputs, output):
    return math.prod(output) * math.prod(layer.kernel_size)


def _separable(layer, inputs, output):
    between = layer.pointwise_kernel.shape[
        -2
    ]  # channels between the depthwise and the pointwise convolution
    positions = math.prod(output) // layer.filters
    return positions * between * (math.prod(layer.kernel_size) + layer.filters)


def _transposed(layer, inputs, output):
    """Each input is spread by the kernel, also over what `padding` then cuts off."""
    return math.prod(inputs[0]) * math.prod(layer.kernel.shape[:-1])


def _non_local(layer, inputs, output):
    rows, height, width, channels = inputs[0]
    inner, frames = channels // 2, layer.num_segments
    embeddings = 4 * rows * height * width * channels * inner  # theta, phi and g; W back
    keys = frames * (height // 2) * (width // 2)
    return (
        embeddings + 2 * rows * height * width * keys * inner
    )  # the similarities, and the sums that they weigh


def _matmul(operation, inputs, output):
    return math.prod(output) * inputs[0][-1] if len(inputs) == 2 else None


def _einsum(operation, inputs, output):
    return _of_equation(operation.subscripts, inputs)


def _einsum_dense(layer, inputs, output):
    return _of_equation(layer.equation, [inputs[0], layer.kernel.shape])


def _of_equation(equation, shapes):
    """The product of the sizes of all letters, which is what a loop over each would multiply."""
    terms = equation.partition("->")[0].split(",")
    if "." in equation or not len(terms) == len(shapes) == 2:
        return None
    sizes = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values())


_LAYERS = {
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense), _of_kernel),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _depthwise),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _separable),
    **dict.fromkeys(
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _transposed
    ),
    layers.EinsumDense: _einsum_dense,
    NonLocal: _non_local,
}
_OPERATIONS = {"Matmul": _matmul, "Einsum": _einsum}
