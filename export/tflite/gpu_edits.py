"""Edits a converted file so that GPUs compute what the CPU computes."""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from export.format.padded_pools import padded_pools
from export.format.reader import parse_model

_WIDTH = 2  # the axis


def separate_padding(content: bytes) -> bytes:
    """Returns a float file in which no pool directly follows the PAD operator that pads for it.

    The operator then pads the height only, and a concatenation with zeros pads the width. See
    `export.format.padded_pools` for the reason. Other files are returned unchanged.
    """
    numbers = padded_pools(parse_model(content).graphs[0])
    if not numbers:
        return content

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    code = _operator_code(model, schema.BuiltinOperator.CONCATENATION)
    for number in reversed(numbers):
        concatenation = _pad_width(model, model.subgraphs[0].operators[number])
        concatenation.opcodeIndex = code
        model.subgraphs[0].operators.insert(number + 1, concatenation)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _pad_width(model, pad):
    """Makes a PAD operator pad the height only; returns a concatenation that pads the width."""
    tensors = model.subgraphs[0].tensors
    (result,) = pad.outputs
    amounts = np.frombuffer(bytes(model.buffers[tensors[pad.inputs[1]].buffer].data), "<i4")
    amounts = amounts.reshape(-1, 2).copy()
    before, after = amounts[_WIDTH]
    amounts[_WIDTH] = 0

    shape = list(tensors[result].shape)
    shape[_WIDTH] -= int(before + after)
    padded = copy.deepcopy(tensors[result])
    padded.name, padded.shape = padded.name + b"_height", shape
    tensors.append(padded)
    pad.outputs = [len(tensors) - 1]
    pad.inputs = [pad.inputs[0], _add_constant(model, amounts, schema.TensorType.INT32)]

    parts = [pad.outputs[0]]
    for position, count in ((0, before), (len(parts) + 1, after)):
        if count:
            zeros = np.zeros((*shape[:_WIDTH], count, *shape[_WIDTH + 1 :]), "<f4")
            parts.insert(position, _add_constant(model, zeros, schema.TensorType.FLOAT32))

    operator = schema.OperatorT()
    operator.inputs, operator.outputs = parts, [result]
    operator.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
    operator.builtinOptions = schema.ConcatenationOptionsT()
    operator.builtinOptions.axis = _WIDTH
    return operator


def _add_constant(model, values, dtype):
    """Returns the number of a new tensor whose values are in the file."""
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer, tensor.type = len(model.buffers) - 1, dtype
    tensor.name, tensor.shape = f"padding_{tensor.buffer}".encode(), list(values.shape)
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _operator_code(model, builtin):
    """Returns the number of an operator code, which is added if there is none."""
    for number, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
