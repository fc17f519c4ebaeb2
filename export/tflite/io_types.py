"""Edits that give the image, the caches and the logits of an int8 file another type.

They work on the objects of TFLite's schema (`ModelT`), which `export.tflite.draft.Draft` holds.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema


def set_image_type(model: schema.ModelT, dtype: int) -> None:
    """Puts a QUANTIZE operator before a graph, from an image of another type with zero point 0."""
    outer = _set_input_type(model, "image", dtype)
    model.subgraphs[0].tensors[outer].quantization.zeroPoint = np.zeros(1, np.int64)


def set_result_type(model: schema.ModelT, name: str, dtype: int) -> None:
    """Puts a DEQUANTIZE operator behind a graph, to an output of another type."""
    _set_float_output(model, name, dtype)


def set_float_borders(model: schema.ModelT) -> None:
    """Makes all inputs and outputs float32, with one QUANTIZE or DEQUANTIZE operator for each.

    A cache that leaves the graph as float32 enters it as exactly the same integers again.
    """
    signature = model.signatureDefs[0]
    for entry in list(signature.inputs):
        outer = _set_input_type(model, entry.name.decode(), schema.TensorType.FLOAT32)
        model.subgraphs[0].tensors[outer].quantization = None
    for entry in list(signature.outputs):
        _set_float_output(model, entry.name.decode(), schema.TensorType.FLOAT32)


def _set_input_type(model, name, dtype):
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    outer, inner = _add_outer_tensor(graph, graph.inputs, signature.inputs, name, dtype)
    operator = _new_operator(model, schema.BuiltinOperator.QUANTIZE, 1, outer, inner)
    graph.operators.insert(0, operator)
    return outer


def _set_float_output(model, name, dtype):
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    is_cache = any(entry.name.decode() == name for entry in signature.inputs)
    if not is_cache and _drop_rounding(model, signature.outputs, name):
        return
    outer, inner = _add_outer_tensor(graph, graph.outputs, signature.outputs, name, dtype)
    graph.tensors[outer].quantization = None
    operator = _new_operator(model, schema.BuiltinOperator.DEQUANTIZE, 2, inner, outer)
    graph.operators.append(operator)


def _drop_rounding(model, entries, name):
    """Removes the operator that rounds an output that was computed in float32.

    Returns:
        Whether the output is now in float32.
    """
    graph = model.subgraphs[0]
    entry = next(entry for entry in entries if entry.name.decode() == name)
    if graph.tensors[entry.tensorIndex].type == schema.TensorType.FLOAT32:
        return True
    maker = next(maker for maker in graph.operators if entry.tensorIndex in maker.outputs)
    code = model.operatorCodes[maker.opcodeIndex].builtinCode
    if code != schema.BuiltinOperator.QUANTIZE:
        return False

    source = maker.inputs[0]
    if graph.tensors[source].type != schema.TensorType.FLOAT32:
        return False
    graph.operators.remove(maker)
    graph.outputs[list(graph.outputs).index(entry.tensorIndex)] = source
    graph.tensors[source].name, entry.tensorIndex = name.encode(), source
    return True


def _add_outer_tensor(graph, indices, entries, name, dtype):
    """Makes a new tensor an input or output instead of the current one.

    Args:
        graph: the graph.
        indices: its inputs or outputs.
        entries: the signature's inputs or outputs.
        name: the name in the signature.
        dtype: type of the new tensor.

    Returns:
        The numbers of the new and of the old tensor.
    """
    entry = next(entry for entry in entries if entry.name.decode() == name)
    inner, outer = entry.tensorIndex, len(graph.tensors)

    tensor = copy.deepcopy(graph.tensors[inner])
    tensor.type, tensor.name, tensor.buffer = dtype, name.encode(), 0
    graph.tensors.append(tensor)
    graph.tensors[inner].name += b"_int8"

    indices[list(indices).index(inner)] = outer
    entry.tensorIndex = outer
    return outer, inner


def _new_operator(model, code, version, source, target):
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
    operator_code.version = version
    model.operatorCodes.append(operator_code)

    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs = np.array([source], np.int32)
    operator.outputs = np.array([target], np.int32)
    return operator
