"""What a calibrated file still needs: types at its border that users want, and proof that caches can be fed back."""

import copy

import numpy as np

from export.format.reader import Model, parse_model
from tsm_tf.errors import InputError


def start_values(content: bytes) -> dict[str, int]:
    """Returns each cache's value before the first frame: what stands for zero in its type.

    Raises:
        InputError: a cache goes out in another shape, type, scale or zero point than it comes in. Then its bytes would
            mean something else one frame later, which nobody would see but in the accuracy.
    """
    model = parse_model(content)
    signature, tensors = model.signatures[0], model.graphs[0].tensors
    start = {}
    for name in sorted(set(signature.inputs) - {"image"}):
        before, after = tensors[signature.inputs[name]], tensors[signature.outputs[name]]
        for what in ("shape", "dtype", "scale", "zero_point"):
            if getattr(before, what) != getattr(after, what):
                rule = f"must have the same {what} in and out, or feeding it back is not exact"
                raise InputError(name, rule, f"{getattr(before, what)} and {getattr(after, what)}")
        start[name] = before.zero_point[0] if before.zero_point else 0
    return start


def set_border(content: bytes, image_type: str, logits_type: str) -> bytes:
    """Returns a file of int8 with another type of image or logits, by a QUANTIZE or DEQUANTIZE; caches stay int8.

    The converter's own options would change the caches too, which then cost an operator each.

    Args:
        content: a `.tflite` file from and to int8.
        image_type: `"uint8"`, or `"int8"` (the byte of a pixel minus 128).
        logits_type: `"float32"` or `"int8"`.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    _check_image(parse_model(content))
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph, signature = tree.subgraphs[0], tree.signatureDefs[0]
    if image_type == "uint8":
        before, inner = _replace_border(
            graph, graph.inputs, signature.inputs, "image", schema.TensorType.UINT8
        )
        graph.tensors[before].quantization.zeroPoint = np.zeros(1, np.int64)
        graph.operators.insert(
            0, _operator(tree, schema, schema.BuiltinOperator.QUANTIZE, inner, before)
        )
    if logits_type == "float32":
        after, inner = _replace_border(
            graph, graph.outputs, signature.outputs, "logits", schema.TensorType.FLOAT32
        )
        graph.tensors[after].quantization = None
        graph.operators.append(
            _operator(tree, schema, schema.BuiltinOperator.DEQUANTIZE, after, inner)
        )
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def _check_image(model: Model):
    image = model.graphs[0].tensors[model.signatures[0].inputs["image"]]
    if (image.dtype, image.scale, image.zero_point) != ("int8", (1.0,), (-128,)):
        rule = "must be calibrated on frames from 0 to 255, so that its scale is 1 and its zero point -128"
        raise InputError("image", rule, f"{image.dtype}, {image.scale}, {image.zero_point}")


def _replace_border(graph, border, names, name, dtype):
    """Puts a tensor of another type at the graph's border; returns its number and that of the one inside."""
    entry = next(entry for entry in names if entry.name.decode() == name)
    inner, outer = entry.tensorIndex, len(graph.tensors)
    tensor = copy.deepcopy(graph.tensors[inner])
    tensor.type, tensor.name, tensor.buffer = dtype, name.encode(), 0
    graph.tensors.append(tensor)
    graph.tensors[inner].name += b"_int8"
    border[list(border).index(inner)] = outer
    entry.tensorIndex = outer
    return outer, inner


def _operator(tree, schema, code, output, source):
    operator_code = schema.OperatorCodeT()
    operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
    operator_code.version = 2 if code == schema.BuiltinOperator.DEQUANTIZE else 1
    tree.operatorCodes.append(operator_code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(tree.operatorCodes) - 1
    operator.inputs, operator.outputs = [source], [output]
    return operator
