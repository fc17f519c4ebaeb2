import flatbuffers
import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from export.edgetpu.limits import TABLE
from export.edgetpu.report import check
from export.format.operators import _NAMES


def one(name, inputs, outputs, options=None):
    """A file with one operator: tensors are (shape, values or None)."""
    kind = schema.OperatorCodeT()
    kind.builtinCode = kind.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    graph, model = schema.SubGraphT(), schema.ModelT()
    model.buffers, graph.tensors = [schema.BufferT()], []
    for shape, values in (*inputs, *outputs):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        is_index = values is not None and np.asarray(values).dtype != np.int8
        tensor.shape, tensor.buffer = shape, len(model.buffers)
        tensor.type = schema.TensorType.INT32 if is_index else schema.TensorType.INT8
        if values is not None:
            buffer.data = np.asarray(values, "i4" if is_index else "i1").tobytes()
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.inputs = list(range(len(inputs)))
    operator.outputs = list(range(len(inputs), len(graph.tensors)))
    if options is not None:
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
    graph.operators, graph.inputs, graph.outputs = [operator], operator.inputs, operator.outputs
    model.version, model.operatorCodes, model.subgraphs = 3, [kind], [graph]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_options(kind, **values):
    options = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(options, name, value)
    return options


X, Y = ((1, 8, 8, 6), None), ((1, 8, 8, 6), None)
ZEROS, ONES = (((1, 8, 8, 2), np.full(128, v, np.int8)) for v in (0, 1))
KERNEL = ((6, 1, 1, 6), np.ones(36, np.int8))
ROW, ROWS, DENSE = ((1, 6), None), ((4, 6), None), ((6, 6), np.ones(36, np.int8))
RELU = schema.ActivationFunctionType.RELU
ORIGIN = ((4,), [0] * 4)


def padding(*sizes):
    return (4, 2), sizes


CASES = [
    ("CONCATENATION", [X, X], Y, with_options("Concatenation", axis=3), None),
    (
        "CONCATENATION",
        [X, X],
        Y,
        with_options("Concatenation", axis=3, fusedActivationFunction=RELU),
        "fused",
    ),
    ("CONCATENATION", [X, ZEROS], Y, with_options("Concatenation", axis=3), None),
    ("CONCATENATION", [X, ONES], Y, with_options("Concatenation", axis=3), "zero padding"),
    ("CONCATENATION", [X, X, ZEROS], Y, with_options("Concatenation", axis=3), "zero padding"),
    ("AVERAGE_POOL_2D", [X], Y, with_options("Pool2D", fusedActivationFunction=RELU), "fused"),
    ("MAX_POOL_2D", [X], Y, with_options("Pool2D"), None),
    ("CONV_2D", [X, KERNEL], Y, with_options("Conv2D", dilationWFactor=2, dilationHFactor=2), None),
    (
        "CONV_2D",
        [X, KERNEL],
        Y,
        with_options("Conv2D", dilationWFactor=2),
        "different dilations in x and y, 2 and 1",
    ),
    (
        "CONV_2D",
        [X, ((1, 1, 1, 6), None)],
        Y,
        with_options("Conv2D"),
        "weights that are not constant",
    ),
    (
        "DEPTHWISE_CONV_2D",
        [X, KERNEL],
        Y,
        with_options("DepthwiseConv2D", dilationHFactor=3),
        "1 and 3",
    ),
    ("FULLY_CONNECTED", [ROW, DENSE], ROW, with_options("FullyConnected"), None),
    ("FULLY_CONNECTED", [ROWS, DENSE], ROWS, with_options("FullyConnected"), "one dimension"),
    (
        "FULLY_CONNECTED",
        [ROW, DENSE],
        ROW,
        with_options("FullyConnected", weightsFormat=1),
        "another format",
    ),
    ("MEAN", [X, ((2,), [1, 2])], ((1, 6), None), with_options("Reducer"), None),
    ("MEAN", [X, ((2,), [0, 1])], ((8, 6), None), with_options("Reducer"), "over the batch"),
    ("MEAN", [X, ((1,), [-1])], ((1, 8, 8), None), with_options("Reducer"), "multiple of 4"),
    ("REDUCE_MAX", [X, ((1,), [-4])], ((8, 8, 6), None), with_options("Reducer"), "over the batch"),
    ("PAD", [X, padding(0, 0, 1, 1, 1, 1, 0, 0)], ((1, 10, 10, 6), None), None, None),
    ("PAD", [X, padding(0, 0, 0, 0, 0, 0, 0, 1)], ((1, 8, 8, 7), None), None, None),
    ("PAD", [X, padding(0, 0, 0, 0, 0, 0, 0, 0)], X, None, None),
    (
        "PAD",
        [((1, 1, 8, 6), None), padding(1, 0, 0, 0, 0, 0, 0, 0)],
        ((2, 1, 8, 6), None),
        None,
        "the shape 2x1x8x6",
    ),
    ("PAD", [((0, 8, 8, 6), None), padding(1, 0, 0, 0, 0, 0, 0, 0)], X, None, "the shape 0x8x8x6"),
    ("SOFTMAX", [((1, 16000), None)], ((1, 16000), None), with_options("Softmax"), None),
    ("SOFTMAX", [((1, 16001), None)], ((1, 16001), None), with_options("Softmax"), "16,000"),
    ("SQUEEZE", [((1, 1, 5, 10), None)], ((5, 10), None), with_options("Squeeze"), None),
    ("SQUEEZE", [((1, 5, 1, 10), None)], ((5, 10), None), with_options("Squeeze"), "leading"),
    ("STRIDED_SLICE", [X, ORIGIN, ORIGIN, ((4,), [1] * 4)], Y, with_options("StridedSlice"), None),
    (
        "STRIDED_SLICE",
        [X, ORIGIN, ORIGIN, ((4,), [1, 1, 1, 2])],
        Y,
        with_options("StridedSlice"),
        "other than 1",
    ),
    (
        "STRIDED_SLICE",
        [X, ORIGIN, ORIGIN, ORIGIN],
        Y,
        with_options("StridedSlice", newAxisMask=1),
        "new axis",
    ),
    ("PRELU", [X, ((1, 1, 6), np.ones(6, np.int8))], Y, None, None),
    ("PRELU", [X, ((8, 1, 6), np.ones(48, np.int8))], Y, None, "slopes"),
    (
        "PACK",
        [((8, 8, 6), None)],
        ((1, 8, 8, 6), None),
        with_options("Pack", axis=0),
        "packing along the batch",
    ),
    ("HARD_SWISH", [X], Y, None, "not in Coral's table of operators"),
]


@pytest.mark.parametrize("name, inputs, output, options, reason", CASES)
def test_each_limit(tmp_path, name, inputs, output, options, reason):
    path = tmp_path / "one.tflite"
    path.write_bytes(one(name, inputs, [output], options))
    ((found, actual),) = check(path).operators
    assert found == name and (actual is None if reason is None else reason in actual), actual


def test_table_names_are_tflites():
    assert set(TABLE) <= set(_NAMES)
