"""Quantises float32 files with LiteRT Quantizer."""

import re
from collections.abc import Callable, Collection

import numpy as np
from litert_quantizer.qtyping import QuantGranularity, TFLOperationName
from litert_quantizer.quantizer import Quantizer
from tensorflow.lite.tools import flatbuffer_utils

from export.format.reader import parse_model
from export.tflite.calibrate import Ranges, quietly
from export.tflite.weight_ranges import widen_weights

_NO_QUANTIZE = "no_quantize"
_ALL = TFLOperationName.ALL_SUPPORTED
_DENSE = TFLOperationName.FULLY_CONNECTED


def quantize(
    content: bytes,
    variant: str,
    ranges: Ranges | None = None,
    keep_float: Collection[str] = (),
) -> bytes:
    """Returns the bytes of a quantised file.

    Args:
        content: bytes of a float32 file.
        variant: a quantised variant of `export.tflite.VARIANTS`.
        ranges: from `measure_ranges`, for calibrated variants.
        keep_float: names of tensors; the operators that compute them stay in float32.
    """
    quantizer = Quantizer(content)
    _RECIPES[variant](quantizer)

    if kept := [*keep_float, *_find_shifts(content)]:
        scope = f"^({'|'.join(map(re.escape, kept))});?$"
        quantizer.update_quantization_recipe(scope, _ALL, algorithm_key=_NO_QUANTIZE)

    if ranges is not None:
        ranges = widen_weights(content, ranges)
    with quietly():
        result = quantizer.quantize(ranges, enable_progress_report=False)
    assert result.quantized_model is not None
    return _inline_buffers(bytes(result.quantized_model))


def _inline_buffers(content: bytes) -> bytes:
    """Moves weights from behind the flatbuffer, where most readers do not look, into it."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for buffer in model.buffers:
        if buffer.offset:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _full_integer(quantizer):
    quantizer.add_static_config(".*", _ALL, activation_num_bits=8, weight_num_bits=8)
    quantizer.add_static_config(
        ".*",
        _DENSE,  # tflite-runtime 2.14 would use the first channel's scale for all
        activation_num_bits=8,
        weight_num_bits=8,
        weight_granularity=QuantGranularity.TENSORWISE,
    )


def _weight_only(quantizer):
    quantizer.add_weight_only_config(".*", _ALL, num_bits=8)
    # GPUs refuse a dense layer whose weights are not in floating point.
    quantizer.update_quantization_recipe(".*", _DENSE, algorithm_key=_NO_QUANTIZE)


def _dynamic(quantizer):
    quantizer.add_dynamic_config(".*", _ALL, num_bits=8)
    quantizer.add_dynamic_config(".*", _DENSE, num_bits=8, granularity=QuantGranularity.TENSORWISE)
    # Runtimes have no kernel that rounds the activations of this operator.
    transposed = TFLOperationName.CONV_2D_TRANSPOSE
    quantizer.update_quantization_recipe(".*", transposed, algorithm_key=_NO_QUANTIZE)


_RECIPES: dict[str, Callable[[Quantizer], None]] = {
    "weight_only": _weight_only,
    "dynamic": _dynamic,
    "int8": _full_integer,
    "edgetpu": _full_integer,
}


def _find_shifts(content: bytes) -> list[str]:
    """Returns the results of shifts that are convolutions: their taps must stay 0 and 1."""
    file = parse_model(content)
    tensors = file.graphs[0].tensors

    found = []
    for operator in file.graphs[0].operators:
        if operator.name == "DEPTHWISE_CONV_2D":
            weights = tensors[operator.inputs[1]]
            taps = file.constant(weights).view(np.float32)
            if weights.shape[1:3] == (3, 1) and np.isin(taps, (0, 1)).all():
                found.append(tensors[operator.outputs[0]].name)
    return found
