"""Edits that give inputs and outputs of an int8 file another type.

They work on the objects of TFLite's schema (`ModelT`), which `export.tflite.draft.Draft` holds.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema


def set_input_type(model: schema.ModelT, name: str, dtype: int) -> None:
    """Puts a QUANTIZE operator before a graph, from float32, or from uint8 with zero point 0."""
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    outer, inner = _add_outer_tensor(graph, graph.inputs, signature.inputs, name, dtype)
    if dtype == schema.TensorType.FLOAT32:
        graph.tensors[outer].quantization = None
    else:
        graph.tensors[outer].quantization.zeroPoint = np.zeros(1, np.int64)

    operator = _new_operator(model, schema.BuiltinOperator.QUANTIZE, 1, outer, inner)
    graph.operators.insert(0, operator)


def set_output_to_float(model: schema.ModelT, name: str) -> None:
    """Puts a DEQUANTIZE operator behind a graph, to float32."""
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    dtype = schema.TensorType.FLOAT32
    outer, inner = _add_outer_tensor(graph, graph.outputs, signature.outputs, name, dtype)
    graph.tensors[outer].quantization = None

    operator = _new_operator(model, schema.BuiltinOperator.DEQUANTIZE, 2, inner, outer)
    graph.operators.append(operator)


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
