"""Covers `export.edgetpu`: `limits`, `report`, `compiler` and the command."""

import json
import os
import stat
import subprocess
import sys

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from int8 import convert_int8
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses, video_frames
from weights import with_weights

from export.edgetpu.compiler import compile_model
from export.edgetpu.limits import TABLE
from export.edgetpu.report import Report, check
from export.format.metadata import read_spec
from export.format.operators import _NAMES
from tsm_tf import ModelSpec, build_model


def changed(path, change, output):
    """The file after `change(tree)`, the flatbuffer as objects."""
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(path.read_bytes()))
    change(tree)
    output.write_bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    return output


def test_online_int8_is_mapped(int8):
    report = check(int8)
    assert (
        report.is_mapped
        and len(report.operators) > 90
        and {reason for _, reason in report.operators} == {None}
    )
    assert report.summary()["mapped"] == report.summary()["operators"] == len(report.operators)
    assert (
        report.links[0] == ("serving_default_shift_00:0", "StatefulPartitionedCall:1")
        and len(report.links) == 10
    )
    assert report.link_problems == () and report.summary()["problems"] == []
    assert 300_000 < report.parameter_bytes < int8.stat().st_size and report.on_chip == 1
    assert [caution.split(" ", 1)[1] for caution in report.cautions] == [
        "RESHAPE: may not be mapped for large tensors"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("backbone, on_chip", [("mobilenet_v2", (1, 1)), ("resnet50", (0.3, 0.4))])
def test_full_size_networks_are_mapped(tmp_path, backbone, on_chip):
    path = tmp_path / "full.tflite"
    path.write_bytes(convert_int8(build_model(ModelSpec(backbone=backbone))))
    report = check(path)
    assert report.is_mapped and not report.link_problems
    assert on_chip[0] <= report.on_chip <= on_chip[1]


def test_links_keep_the_stream(model, int8, tmp_path):
    """Replaces each pair by one variable tensor, as append_recurrent_links does."""
    links = check(int8).links

    def link(tree):
        graph = tree.subgraphs[0]
        index = {tensor.name.decode(): i for i, tensor in enumerate(graph.tensors)}
        for old, new in links:
            graph.tensors[index[old]].isVariable = True
            reader, writer = (
                next(o for o in graph.operators if index[name] in getattr(o, field))
                for name, field in ((old, "inputs"), (new, "outputs"))
            )
            # On a CPU, where operators run one by one, the cache must be read before it is written.
            if graph.operators.index(reader) > graph.operators.index(writer):
                graph.operators.remove(writer)
                graph.operators.insert(graph.operators.index(reader) + 1, writer)
            writer.outputs = [index[old]]
        linked = {index[name] for pair in links for name in pair}
        graph.inputs = [i for i in graph.inputs if i not in linked]
        graph.outputs = [i for i in graph.outputs if i not in linked]
        tree.signatureDefs = []

    # XNNPACK would not notice that an operator writes a variable.
    options = {
        "experimental_op_resolver_type": tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    }
    linked = tf.lite.Interpreter(str(changed(int8, link, tmp_path / "linked.tflite")), **options)
    linked.allocate_tensors()
    plain = tf.lite.Interpreter(str(int8), **options)
    runner = plain.get_signature_runner()
    details = runner.get_input_details()
    caches = {
        name: np.full(d["shape"], d["quantization"][1], np.int8)
        for name, d in details.items()
        if name != "image"
    }
    for frame in video_frames(5, 32, 32, 3):
        image = (frame[None] ^ 0x80).view(np.int8)
        linked.set_tensor(linked.get_input_details()[0]["index"], image)
        linked.invoke()
        outputs = runner(image=image, **caches)
        logits = outputs.pop("logits")
        np.testing.assert_array_equal(
            linked.get_tensor(linked.get_output_details()[0]["index"]), logits
        )
        caches = outputs


def test_caches_of_different_types_cannot_be_linked(model, int8, tmp_path):
    path = tmp_path / "mixed.tflite"

    def other_scale(tree):
        graph = tree.subgraphs[0]
        tensor = next(t for t in graph.tensors if t.name == b"StatefulPartitionedCall:3")
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [3]

    report = check(changed(int8, other_scale, path))
    assert report.is_mapped
    assert report.link_problems == (
        "another scale in than out: shift_02",
        "another zero_point in than out: shift_02",
    )
    assert "cannot become state on the device" in str(
        report
    ) and "append_recurrent_links" not in str(report)

    def passed_on(tree):
        tensors = {t.name: i for i, t in enumerate(tree.subgraphs[0].tensors)}
        signature = tree.signatureDefs[0]
        entry = next(e for e in signature.outputs if e.name == b"shift_02")
        entry.tensorIndex = tensors[b"serving_default_shift_02:0"]

    problems = check(changed(int8, passed_on, path)).link_problems
    assert problems == (
        "an output that an operator also reads: shift_02",
        "an output that no operator writes: shift_02",
    )


def test_unsuitable_models_get_a_clear_report(model, online, clip, tmp_path):
    for path in (online, clip):
        report = check(path)
        assert (
            not report.is_mapped
            and "float32 tensors; it computes with int8 and uint8 only" in str(report)
        )
        assert report.summary()["mapped"] == report.summary()["parameter_bytes"] == 0
    path = tmp_path / "streams.tflite"
    path.write_bytes(convert_int8(model, batch_size=3))
    assert "the shape 3x32x32x3; only the three innermost" in str(check(path))


def test_one_partition(int8, tmp_path):
    def unknown_in_the_middle(tree):
        graph = tree.subgraphs[0]
        kinds = [tree.operatorCodes[o.opcodeIndex].builtinCode for o in graph.operators]
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.HARD_SWISH
        tree.operatorCodes.append(code)
        graph.operators[kinds.index(schema.BuiltinOperator.ADD, 20)].opcodeIndex = (
            len(tree.operatorCodes) - 1
        )

    report = check(changed(int8, unknown_in_the_middle, tmp_path / "x.tflite"))
    names = [name for name, _ in report.operators]
    at = names.index("HARD_SWISH")
    reasons = [reason for _, reason in report.operators]
    assert (
        at >= 20
        and reasons[:at] == [None] * at
        and reasons[at] == "not in Coral's table of operators"
    )
    assert set(reasons[at + 1 :]) == {
        f"comes after HARD_SWISH (operator {at}), the first that is not mapped"
    }
    assert report.parameter_bytes < check(int8).parameter_bytes


def test_float_input_ends_no_partition(model, tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(convert_int8(model, io=tf.float32))
    status = {}
    for name, reason in check(path).operators:
        status.setdefault(name, set()).add(reason)
    assert status["QUANTIZE"] == {"float32 tensors; it computes with int8 and uint8 only"}
    assert status["DEQUANTIZE"] == {"not in Coral's table of operators"}
    assert status["CONV_2D"] == {None} and not check(path).is_mapped


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


def test_dynamic_shapes_are_not_mapped(int8, tmp_path):
    def dynamic(tree):
        tree.subgraphs[0].tensors[0].shapeSignature = [-1, 32, 32, 3]

    assert "a dynamic shape" in str(check(changed(int8, dynamic, tmp_path / "x.tflite")))


def test_report_of_nothing_counts_as_nothing():
    report = Report((("ADD", None), ("EXP", "why")), (), 16 * 2**20, (), ())
    assert json.dumps(report.summary()) and 0.45 < report.on_chip < 0.5
    assert "1 of 2 operators" in str(report) and "about 49%" in str(report)


def run(*arguments, **environment):
    command = [sys.executable, "-m", "export.edgetpu", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_command(int8, clip, tmp_path):
    done = run(f"--model={int8}")
    assert done.returncode == 0 and "edgetpu_compiler is not on PATH" in done.stdout, done.stderr
    assert (
        "--input_tensor_names=serving_default_shift_00:0,serving_default_shift_01:0," in done.stdout
    )
    done = run(f"--model={clip}")
    assert done.returncode == 1 and "0 of " in done.stdout and "Traceback" not in done.stderr
    done = run("--model=gone.tflite")
    assert (
        done.returncode == 1
        and "`model` must be an existing file. Received: 'gone.tflite'" in done.stderr
    )


@pytest.fixture
def compiler(tmp_path):
    """A stand-in for the compiler: it copies the file without metadata and prints its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "edgetpu_compiler"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\nprint('got', *sys.argv[1:])\n"
        "*_, output, model = sys.argv\n"
        "code = int(os.environ.get('COMPILER_EXIT', 0))\n"
        "data = pathlib.Path(model).read_bytes().replace(b'TSM_SPEC', b'NOT_OURS')\n"
        "code or (pathlib.Path(output) / f'{pathlib.Path(model).stem}_edgetpu.tflite').write_bytes(data)\n"
        "sys.exit(code)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_compiler_runs_where_it_is_installed(model, int8, tmp_path, compiler, monkeypatch):
    done = run(f"--model={int8}", f"--output={tmp_path / 'out'}", **compiler)
    compiled = tmp_path / "out" / "small_int8_edgetpu.tflite"
    assert done.returncode == 0 and f"got -s -o {tmp_path / 'out'} {int8}" in done.stdout, (
        done.stderr
    )
    assert f"written to {compiled}" in done.stdout and read_spec(compiled) == model.spec
    before = compiled.read_bytes()
    done = run(f"--model={int8}", f"--output={tmp_path / 'out'}", **compiler)
    assert (
        done.returncode == 1 and "would be lost" in done.stderr and compiled.read_bytes() == before
    )
    done = run(f"--model={int8}", f"--output={tmp_path / 'o'}", COMPILER_EXIT="3", **compiler)
    assert done.returncode == 1 and "it exited with 3" in done.stderr
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_model(int8, tmp_path) is None
    with refuses("model", "must be a TFLite file"):
        (tmp_path / "text.tflite").write_text("something else")
        check(tmp_path / "text.tflite")


def test_networks_of_every_kind(tmp_path):
    path = tmp_path / "r.tflite"
    path.write_bytes(
        convert_int8(
            with_weights(build_model(ModelSpec(backbone="resnet18", num_classes=3, input_size=32)))
        )
    )
    assert check(path).is_mapped and not check(path).link_problems
