"""Covers `draft` and `io_types`."""

import numpy as np
import pytest
from int8 import convert_int8
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses, video_frames

from export.format.jester import smoothing_rules
from export.format.metadata import read_contents
from export.format.reader import parse_model
from export.runtime import StreamRunner
from export.tflite.convert import convert
from export.tflite.draft import Draft

CACHES = [f"shift_{i:02d}" for i in range(10)]


@pytest.fixture(scope="module")
def content(model):
    return convert_int8(model)


def packed_times(monkeypatch, name):
    """Counts the calls of a function of TFLite's flatbuffer tools."""
    calls, original = [], getattr(flatbuffer_utils, name)
    monkeypatch.setattr(flatbuffer_utils, name, lambda *a: calls.append(1) or original(*a))
    return calls


def test_graph_and_signature_are_what_the_reader_reads(content, online):
    for data in (content, online.read_bytes()):
        draft, model = Draft(data), parse_model(data)
        assert draft.graph.tensors == model.graphs[0].tensors
        assert (draft.graph.inputs, draft.graph.outputs) == model.graphs[0][1:3]
        assert draft.graph.operators == [
            operator._replace(options=None) for operator in model.graphs[0].operators
        ]
        assert draft.signature == model.signatures[0]


def test_int8_file_is_opened_once_and_packed_once(content, model, monkeypatch):
    opened = packed_times(monkeypatch, "convert_bytearray_to_object")
    packed = packed_times(monkeypatch, "convert_object_to_bytearray")
    draft = Draft(content)
    draft.set_io_types("uint8", "float32")
    sealed = draft.seal(model.spec, "int8")
    assert len(opened) == 1 and packed == []
    assert "TSM_CRC32" in parse_model(sealed).metadata


def test_io_types_add_one_operator_each(content, model):
    draft = Draft(content)
    names = [operator.name for operator in draft.graph.operators]
    assert len(draft.graph.inputs) == 11
    draft.set_io_types("uint8", "float32")

    graph, signature = draft.graph, draft.signature
    assert [o.name for o in graph.operators] == ["QUANTIZE", *names, "DEQUANTIZE"]
    assert [o.version for o in (graph.operators[0], graph.operators[-1])] == [1, 2]
    image, logits = (
        graph.tensors[index] for index in (signature.inputs["image"], signature.outputs["logits"])
    )
    assert (image.name, image.dtype, image.scale, image.zero_point) == (
        "image",
        "uint8",
        (1.0,),
        (0,),
    )
    assert (logits.name, logits.dtype, logits.scale) == ("logits", "float32", ())
    assert graph.operators[0].inputs == (signature.inputs["image"],)
    assert graph.operators[-1].outputs == (signature.outputs["logits"],)
    assert all(graph.tensors[signature.inputs[name]].dtype == "int8" for name in CACHES)

    written = parse_model(draft.seal(model.spec, "int8"))
    assert written.graphs[0].tensors == graph.tensors


def test_one_type_alone(content):
    draft = Draft(content)
    draft.set_io_types("int8", "int8")
    assert draft.graph == Draft(content).graph
    draft.set_io_types("int8", "float32")
    graph, signature = draft.graph, draft.signature
    assert graph.tensors[signature.inputs["image"]].dtype == "int8"
    assert graph.tensors[signature.outputs["logits"]].dtype == "float32"


def test_float_borders_change_nothing_else(content, model, tmp_path):
    """All inputs and outputs are float32, the caches start at 0, and the logits are the same."""
    paths = [tmp_path / name for name in ("float.tflite", "int8.tflite")]
    for path in paths:
        draft = Draft(content)
        if path == paths[0]:
            draft.set_float_borders()
            graph = draft.graph
            assert {graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)} == {"float32"}
            assert set(draft.read_initial_caches().values()) == {0}
        path.write_bytes(draft.seal(model.spec, "int8"))

    runners = [StreamRunner(path) for path in paths]
    for frame in video_frames(5, 32, 32, 3):
        first, second = (runner.step(frame) for runner in runners)
        np.testing.assert_array_equal(first, second)


def test_float_borders_need_caches_that_are_fed_back_exactly(content):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    index = parse_model(content).signatures[0].outputs["shift_03"]
    tree.subgraphs[0].tensors[index].quantization.scale = np.array([0.5], np.float32)
    draft = Draft(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    with refuses("shift_03", "same scale in and out", "0.5"):
        draft.set_float_borders()


def test_image_must_be_calibrated_to_bytes(content):
    draft = Draft(content)
    draft.set_io_types("uint8", "float32")
    with refuses("image", "from 0 to 255", "uint8"):
        draft.set_io_types("uint8", "float32")


def test_initial_caches_are_the_zero_points(content, model):
    draft = Draft(content)
    initial = draft.read_initial_caches()
    tensors = parse_model(content)
    for name in CACHES:
        index = tensors.signatures[0].inputs[name]
        assert initial[name] == tensors.graphs[0].tensors[index].zero_point[0]
    assert sorted(initial) == CACHES and any(initial.values())
    assert set(Draft(convert(model, online=True)).read_initial_caches().values()) == {0}
    assert Draft(convert(model, online=False)).read_initial_caches() == {}


def test_a_cache_with_another_scale_is_refused(content, model):
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    index = parse_model(content).signatures[0].outputs["shift_03"]
    tree.subgraphs[0].tensors[index].quantization.scale = np.array([0.5], np.float32)
    draft = Draft(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    with refuses("shift_03", "same scale in and out", "0.5"):
        draft.seal(model.spec, "int8")


def test_sealed_file_says_what_it_was_given(content, model, tmp_path):
    labels = ("Doing other things", "No gesture", "Pulling Hand In", "ü")
    spec = model.spec.replace(labels=labels)
    path = tmp_path / "sealed.tflite"
    path.write_bytes(Draft(content).seal(spec, "edgetpu", {"shift_03": 7}))
    contents = read_contents(path)
    assert (contents.spec, contents.variant, contents.is_online) == (spec, "edgetpu", True)
    assert contents.initial_caches == {"shift_03": 7}
    assert contents.smoothing == smoothing_rules(labels).at_rate(5.0)
    assert contents.smoothing.keep_last and contents.smoothing.averaged_steps == 4


def test_equal_vectors_are_written_once(content, model):
    sealed = Draft(content).seal(model.spec.replace(labels=None))
    metadata = parse_model(sealed).metadata
    added = sum(value.size for value in metadata.values())
    assert len(sealed) < len(content) + added - 10_000
