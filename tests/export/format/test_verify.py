import importlib.util
import re
import time
from unittest import mock

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses

from export.format.allowed import allowed
from export.format.flatbuffer import Damaged
from export.format.metadata import read_spec, seal
from export.format.reader import parse_model
from export.format.verify import verify
from export.runtime import StreamRunner


def operator(tree, name):
    code = getattr(schema.BuiltinOperator, name)
    return next(
        o
        for o in tree.subgraphs[0].operators
        if tree.operatorCodes[o.opcodeIndex].builtinCode == code
    )


def tensor(tree, name, position):
    """The tensor that the first operator of a name takes at a position."""
    return tree.subgraphs[0].tensors[operator(tree, name).inputs[position]]


def constant(tree, name, position, values):
    tree.buffers[tensor(tree, name, position).buffer].data = np.asarray(values, "<i4").tobytes()


def renumbered(indices, position, value):
    return [value if i == position else int(index) for i, index in enumerate(indices)]


def set_version(tree):
    tree.version = 2


def add_graph(tree):
    tree.subgraphs.append(tree.subgraphs[0])


def set_type(tree):
    tree.subgraphs[0].tensors[0].type = schema.TensorType.STRING


def set_buffer(tree):
    tree.subgraphs[0].tensors[0].buffer = 10**6


def set_shape(*shape):
    def change(tree):
        tree.subgraphs[0].tensors[0].shape = shape

    return change


def shorten_weights(tree):
    buffer = tree.buffers[tensor(tree, "CONV_2D", 1).buffer]
    buffer.data = bytes(buffer.data)[:-4]


def quantise(scale, zero_point, axis=0):
    def change(tree):
        quantization = schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint, quantization.quantizedDimension = (
            scale,
            zero_point,
            axis,
        )
        tensor(tree, "CONV_2D", 1).quantization = quantization

    return change


def add_input(tree):
    tree.subgraphs[0].inputs = [*tree.subgraphs[0].inputs, 10**6]


def double_input(tree):
    tree.subgraphs[0].inputs = [*tree.subgraphs[0].inputs, tree.subgraphs[0].inputs[0]]


def rename_output(tree):
    tree.signatureDefs[0].outputs[0].tensorIndex = int(operator(tree, "CONV_2D").outputs[0])


def other_graph(tree):
    tree.signatureDefs[0].subgraphIndex = 1


def widen_cache(tree):
    entry = next(e for e in tree.signatureDefs[0].inputs if e.name == b"shift_00")
    tree.subgraphs[0].tensors[entry.tensorIndex].shape = [1, 2, 2, 3]


def widen_logits(tree):
    tree.subgraphs[0].tensors[operator(tree, "FULLY_CONNECTED").outputs[0]].shape = [1, 7]


def constant_input(tree):
    graph = tree.subgraphs[0]
    entry = next(e for e in tree.signatureDefs[0].inputs if e.name == b"image")
    buffer = schema.BufferT()
    buffer.data = bytes(4 * 32 * 32 * 3)
    tree.buffers.append(buffer)
    graph.tensors[entry.tensorIndex].buffer = len(tree.buffers) - 1


def read_too_early(tree):
    operators = tree.subgraphs[0].operators
    operators.append(operators.pop(0))


def write_weights(tree):
    conv = operator(tree, "CONV_2D")
    conv.outputs = [int(conv.inputs[1])]


def write_twice(tree):
    first, second = tree.subgraphs[0].operators[:2]
    second.outputs = list(first.outputs)


def leave_out(position, name="CONV_2D"):
    def change(tree):
        conv = operator(tree, name)
        conv.inputs = renumbered(conv.inputs, position, -1)

    return change


def call_a_graph(tree):
    tree.operatorCodes[
        operator(tree, "MEAN").opcodeIndex
    ].builtinCode = schema.BuiltinOperator.WHILE
    tree.operatorCodes[
        operator(tree, "WHILE").opcodeIndex
    ].deprecatedBuiltinCode = schema.BuiltinOperator.WHILE


def drop_options(tree):
    operator(tree, "CONV_2D").builtinOptionsType, operator(tree, "CONV_2D").builtinOptions = 0, None


def set_option(name, field, value):
    return lambda tree: setattr(operator(tree, name).builtinOptions, field, value)


def lose_output(tree):
    graph = tree.subgraphs[0]
    graph.operators = graph.operators[:-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_version, "version 2 with 1 graphs"),
        (add_graph, "3 with 2 graphs"),
        (set_type, "of the type string"),
        (set_buffer, "buffer 1000000 of"),
        (set_shape(2**31 - 1, 2**31 - 1), "of the shape"),
        (set_shape(1, 0, 3), "of the shape"),
        (set_shape(-1, 3), "of the shape"),
        (set_shape(*[1] * 9), "of the shape"),
        (shorten_weights, "of which are stored"),
        (quantise([0.1, 0.2], [0, 0], 7), "with 2 scales"),
        (quantise([0.1, 0.2], [0, 0], 0), "with 2 scales"),
        (quantise([0.1], [0, 0], 0), "1 scales and 2 zero points"),
        (quantise([np.nan], [0]), "the scale nan"),
        (quantise([0.0], [0]), "the scale 0.0"),
        (quantise([1e30], [0]), "the scale 1.0000000150474662e"),
        (add_input, "an input or output that is tensor 1000000"),
        (double_input, "an input that occurs twice"),
        (rename_output, "a signature with other tensors"),
        (other_graph, "the field 4 in the table signature"),
        (widen_cache, "shift_00 that is float32"),
        (constant_input, "an input that is a constant"),
        (read_too_early, "reads a tensor before it is written"),
        (write_weights, "overwrites a tensor"),
        (write_twice, "overwrites a tensor"),
        (leave_out(1), "CONV_2D with the tensors float32, none"),
        (
            lambda tree: setattr(
                operator(tree, "MEAN"), "inputs", operator(tree, "MEAN").inputs[:1]
            ),
            "MEAN with the tensors float32, float32",
        ),
        (lambda tree: setattr(operator(tree, "ADD"), "inputs", []), "ADD with the tensors float32"),
        (lambda tree: setattr(operator(tree, "PAD"), "outputs", []), "reads a tensor before"),
        (call_a_graph, "an operator WHILE, which this project never writes"),
        (drop_options, "CONV_2D with options of the type 0"),
        (set_option("CONV_2D", "strideH", 0), "the stride h 0"),
        (set_option("CONV_2D", "dilationWFactor", -1), "the dilation w -1"),
        (set_option("DEPTHWISE_CONV_2D", "strideW", 2**20), "the stride w 1048576"),
        (
            lambda tree: constant(tree, "SLICE", 1, [0, 0, 0, 100]),
            "SLICE with a part outside its input",
        ),
        (
            lambda tree: constant(tree, "SLICE", 2, [1, 2, 2, -3]),
            "SLICE with a part outside its input",
        ),
        (
            lambda tree: constant(tree, "PAD", 1, [0, 0, -1, 3, 0, 2, 0, 0]),
            "PAD with a negative padding",
        ),
        (widen_logits, "FULLY_CONNECTED with a result of the shape (1, 7) instead of (1, 4)"),
        (lambda tree: constant(tree, "MEAN", 1, [1, -1]), "MEAN with a result of the shape"),
        (lambda tree: constant(tree, "MEAN", 1, [1, 9]), "MEAN with the axis 9"),
        (lose_output, "an output that is never written"),
    ],
)
def test_each_rule(online, change, message):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    change(tree)
    with pytest.raises(Damaged, match=re.escape(message)):
        verify(parse_model(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))


def rename_operator(name, code):
    """Gives the first operator of a name another code, as FILL, DIV and others passed once."""

    def change(tree):
        kind = tree.operatorCodes[operator(tree, name).opcodeIndex]
        kind.builtinCode = getattr(schema.BuiltinOperator, code)
        kind.deprecatedBuiltinCode = min(kind.builtinCode, 127)

    return change


def name_as_custom(tree):
    """An interpreter ignores the custom code of an operator that is not CUSTOM."""
    tree.operatorCodes[operator(tree, "CONV_2D").opcodeIndex].customCode = b"RELU"


def alias_the_file(tree):
    tree.buffers[tensor(tree, "CONV_2D", 1).buffer].offset = 16
    tree.buffers[tensor(tree, "CONV_2D", 1).buffer].size = 64


def make_sparse(tree):
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder = [0, 1]
    tensor(tree, "FULLY_CONNECTED", 1).sparsity = sparsity


def fill_first_buffer(tree):
    tree.buffers[0].data = bytes(4)


def scale_per_channel(tree):
    quantization = tensor(tree, "ADD", 0).quantization
    quantization.scale, quantization.zeroPoint = np.full(8, 0.1, "f4"), np.zeros(8, "i8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (name_as_custom, "the custom code of an operator CONV_2D"),
        (alias_the_file, "the field 1 in the table buffer, the field 2 in the table buffer"),
        (make_sparse, "the field 6 in the table tensor"),
        (lambda tree: setattr(tensor(tree, "ADD", 0), "isVariable", True), "the field 5"),
        (lambda tree: setattr(operator(tree, "ADD"), "intermediates", [0]), "the field 8"),
        (lambda tree: setattr(operator(tree, "ADD"), "customOptions", [0] * 8), "custom options"),
        (lambda tree: setattr(tree, "signatureDefs", []), "0 signatures"),
        (fill_first_buffer, "no empty first buffer"),
        (rename_operator("MEAN", "CUSTOM"), "an operator CUSTOM, which this project never writes"),
        (rename_operator("MEAN", "SPLIT"), "an operator SPLIT, which this project never writes"),
        (rename_operator("ADD", "FLOOR_MOD"), "an operator FLOOR_MOD, which"),
        (rename_operator("ADD", "FLOOR_DIV"), "an operator FLOOR_DIV, which"),
        (rename_operator("SLICE", "FILL"), "an operator FILL, which"),
        (rename_operator("SLICE", "RANGE"), "an operator RANGE, which"),
        (rename_operator("PAD", "LOCAL_RESPONSE_NORMALIZATION"), "an operator LOCAL_RESPONSE"),
        (rename_operator("ADD", "STABLEHLO_ADD"), "an operator OPERATOR_"),
        (
            lambda tree: setattr(tensor(tree, "ADD", 0), "quantization", None),
            "with the tensors int8",
        ),
        (scale_per_channel, "with 8 scales"),
        (set_option("CONV_2D", "quantizedBiasType", 2), "the option 6"),
        (set_option("FULLY_CONNECTED", "weightsFormat", 1), "the weights format 1"),
        (set_option("CONV_2D", "fusedActivationFunction", 5), "the fused activation 5"),
        (set_option("CONV_2D", "padding", 2), "the padding 2"),
        (set_option("DEPTHWISE_CONV_2D", "depthMultiplier", 2), "filters of another depth"),
        (set_option("CONCATENATION", "axis", 4), "the axis 4"),
    ],
)
def test_only_what_the_exporter_writes(int8, change, message):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(int8.read_bytes()))
    change(tree)
    with pytest.raises(Damaged, match=re.escape(message)):
        verify(parse_model(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))


def test_unchecked_skips_the_list_only(online, tmp_path):
    """A trusted file with another operator can be loaded; its checksum still counts."""
    path = tmp_path / "listed.tflite"
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    tree.subgraphs[0].tensors[0].isVariable = True
    content = seal(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    path.write_bytes(content)
    with refuses("model", "the field 5 in the table tensor", "unchecked=True", "--unchecked"):
        read_spec(path)
    assert read_spec(path, unchecked=True) == read_spec(online)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with refuses("model", "its checksum differs"):
        read_spec(path, unchecked=True)


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast:RuntimeWarning")
def test_files_for_the_edge_tpu_pass_and_processors_refuse_them(int8, tmp_path):
    """Compiled code is for `libedgetpu`; ordinary interpreters do not know the operator."""
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(int8.read_bytes()))
    add = operator(tree, "ADD")
    add.builtinOptionsType, add.builtinOptions, add.customOptions = 0, None, [255] * 64
    name_code = tree.operatorCodes[add.opcodeIndex]
    name_code.builtinCode = name_code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    name_code.version, name_code.customCode = 1, b"edgetpu-custom-op"
    for other in tree.subgraphs[0].operators:
        if other.opcodeIndex == add.opcodeIndex:
            other.builtinOptionsType, other.builtinOptions = 0, None

    path = tmp_path / "compiled.tflite"
    path.write_bytes(seal(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))
    assert read_spec(path) == read_spec(int8)
    for name in ("ai_edge_litert", "tflite_runtime", "tensorflow"):
        if importlib.util.find_spec(name):
            with refuses("model", f"{name} can run", "custom op"):
                StreamRunner(path, runtime=name)


def test_effort_is_bounded(online):
    """Tensors, unfolded inputs, constants, results and multiply-adds have limits in the list."""
    model = parse_model(online.read_bytes())
    for name in ("live_bytes", "patch_bytes", "constant_bytes", "written_bytes", "multiply_adds"):
        limits = {**allowed().limits, name: 1000}
        strict = allowed()._replace(limits=limits)
        with (
            mock.patch("export.format.verify.allowed", lambda strict=strict: strict),
            pytest.raises(
                Damaged, match="shape" if name == "live_bytes" else name.replace("_", " ")
            ),
        ):
            verify(model)


def test_good_files_pass(online, clip, int8):
    for path in (online, clip, int8):
        verify(parse_model(path.read_bytes()))


def test_only_dense_layers_may_lack_a_bias(online):
    """Without one, depthwise convolutions of float16 files crash both runtimes."""
    for name in ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"):
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
        leave_out(2, name)(tree)
        model = parse_model(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
        if name == "FULLY_CONNECTED":
            verify(model)
        else:
            with pytest.raises(Damaged, match=f"{name} with the tensors .* none, float32"):
                verify(model)


def test_one_flipped_bit_of_a_weight_is_seen(online, tmp_path):
    path = tmp_path / "flipped.tflite"
    content = bytearray(online.read_bytes())
    weights = max(parse_model(bytes(content)).buffers, key=len)
    at = content.find(weights.tobytes()) + weights.size // 2
    content[at] ^= 1
    path.write_bytes(content)
    with refuses("model", "its checksum differs", str(path)):
        read_spec(path)
    path.write_bytes(seal(bytes(content)))
    assert read_spec(path) == read_spec(online)


def test_a_hostile_file_is_refused_with_its_reason(online, tmp_path):
    path = tmp_path / "hostile.tflite"
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    write_weights(tree)
    path.write_bytes(seal(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))
    with refuses("model", "must be safe to run", "overwrites a tensor", str(path)):
        read_spec(path)


def test_the_check_is_quick(online):
    """The check must add less than 20 ms to the 150 ms of loading a full MobileNetV2.

    The file here is smaller, and the limit is lax.
    """
    started = time.perf_counter()
    for _ in range(5):
        read_spec(online)
    assert (time.perf_counter() - started) / 5 < 0.1
