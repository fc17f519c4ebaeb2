import os
import pathlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from mutations import KINDS
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses

from export.format.flatbuffer import Damaged
from export.format.metadata import read_spec, seal
from export.format.reader import parse_model
from export.format.verify import verify

SCRIPT = pathlib.Path(__file__).parents[2] / "mutations.py"


def test_mutations_end_well(online, int8, tmp_path):
    command = [sys.executable, SCRIPT, online, int8, "--count=60", f"--keep={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^60 mutated files in [12] runtimes: 0 failures$", done.stdout, re.MULTILINE)
    for kind in KINDS:
        assert f"{kind.__name__} " in done.stdout
    assert " ran " in done.stdout and " refused " in done.stdout


def test_a_crash_is_seen(online, tmp_path):
    """If a runtime dies, the driver reports it, keeps the file, and fails."""
    (tmp_path / "broken.py").write_text(
        "import os, signal, sys\nimport mutations\n"
        "mutations.StreamRunner = lambda *_, **__: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "sys.argv = ['mutations', *sys.argv[1:]]\nmutations.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{SCRIPT.parent}:{SCRIPT.parent.parent}"}
    options = ["--count=3", "--runtimes=any", f"--keep={tmp_path / 'kept'}"]
    command = [sys.executable, tmp_path / "broken.py", online, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (
        done.returncode == 1 and done.stdout.count("SIGSEGV") >= 3 and "3 failures" in done.stdout
    ), done.stderr
    assert len(list((tmp_path / "kept").iterdir())) == 3


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


def leave_out(position):
    def change(tree):
        conv = operator(tree, "CONV_2D")
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
        (quantise([0.1], [0, 0], 0), "with 2 zero points"),
        (quantise([np.nan], [0]), "the scale nan"),
        (quantise([0.0], [0]), "the scale 0.0"),
        (quantise([1e30], [0]), "the scale 1.0000000150474662e"),
        (add_input, "an input or output that is tensor 1000000"),
        (double_input, "an input that occurs twice"),
        (rename_output, "a signature with other tensors"),
        (other_graph, "a signature with other tensors"),
        (widen_cache, "shift_00 that is float32"),
        (constant_input, "an input that is a constant"),
        (read_too_early, "reads a tensor before it is written"),
        (write_weights, "overwrites a tensor"),
        (write_twice, "overwrites a tensor"),
        (leave_out(1), "lacks an input"),
        (
            lambda tree: setattr(
                operator(tree, "MEAN"), "inputs", operator(tree, "MEAN").inputs[:1]
            ),
            "lacks an input",
        ),
        (lambda tree: setattr(operator(tree, "ADD"), "inputs", []), "lacks an input"),
        (lambda tree: setattr(operator(tree, "PAD"), "outputs", []), "lacks an input or output"),
        (call_a_graph, "an operator WHILE"),
        (drop_options, "CONV_2D without its options"),
        (set_option("CONV_2D", "strideH", 0), "dilation of 0"),
        (set_option("CONV_2D", "dilationWFactor", -1), "dilation of -1"),
        (set_option("DEPTHWISE_CONV_2D", "strideW", 2**20), "dilation of 1048576"),
        (lambda tree: constant(tree, "SLICE", 1, [0, 0, 0, 100]), "a SLICE whose result"),
        (lambda tree: constant(tree, "SLICE", 2, [1, 2, 2, -3]), "a SLICE whose result"),
        (lambda tree: constant(tree, "PAD", 1, [0, 0, -1, 3, 0, 2, 0, 0]), "a PAD whose result"),
        (widen_logits, "a FULLY_CONNECTED whose result"),
        (lambda tree: constant(tree, "MEAN", 1, [1, -1]), "a MEAN whose result"),
        (lambda tree: constant(tree, "MEAN", 1, [1, 9]), "a MEAN whose result"),
        (lose_output, "an output that is never written"),
    ],
)
def test_each_rule(online, change, message):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    change(tree)
    with pytest.raises(Damaged, match=re.escape(message)):
        verify(parse_model(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))


def test_good_files_pass(online, clip, int8):
    for path in (online, clip, int8):
        verify(parse_model(path.read_bytes()))


def test_a_bias_may_be_left_out(online):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    leave_out(2)(tree)
    verify(parse_model(bytes(flatbuffer_utils.convert_object_to_bytearray(tree))))


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
