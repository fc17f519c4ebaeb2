"""Covers `report` and the command."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from int8 import convert_int8
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import video_frames
from weights import with_weights

from export.edgetpu.report import Report, check
from export.tflite.draft import Draft
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
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    options = {"experimental_op_resolver_type": resolver}
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
    draft = Draft(convert_int8(model))
    draft.set_float_borders()
    path.write_bytes(draft.seal(model.spec, "int8"))
    status = {}
    for name, reason in check(path).operators:
        status.setdefault(name, set()).add(reason)
    assert status["QUANTIZE"] == {"float32 tensors; it computes with int8 and uint8 only"}
    assert status["DEQUANTIZE"] == {"not in Coral's table of operators"}
    assert status["CONV_2D"] == {None} and not check(path).is_mapped


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


def test_networks_of_every_kind(tmp_path):
    path = tmp_path / "r.tflite"
    path.write_bytes(
        convert_int8(
            with_weights(build_model(ModelSpec(backbone="resnet18", num_classes=3, input_size=32)))
        )
    )
    assert check(path).is_mapped and not check(path).link_problems
