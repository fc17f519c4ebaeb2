"""What `verify`, `shapes`, `check_operator` and `metadata` say about the files of detectors."""

import copy
import json
import re

import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses

from export.format.flatbuffer import Damaged
from export.format.metadata import DETECTIONS, STREAM_NAME, read_contents, read_spec, seal
from export.format.reader import parse_model
from export.format.verify import verify
from tsm_tf import ModelSpec


@pytest.fixture
def tree(detector_file):
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(detector_file.read_bytes()))


def pack(tree):
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def operators(tree, name):
    code = getattr(schema.BuiltinOperator, name)
    codes = [entry.builtinCode for entry in tree.operatorCodes]
    return [op for op in tree.subgraphs[0].operators if codes[op.opcodeIndex] == code]


def set_constant(tree, operator, position, value):
    """Replaces a constant of an operator by a tensor of its own, since operators share them."""
    tensors = tree.subgraphs[0].tensors
    tensor = copy.deepcopy(tensors[operator.inputs[position]])
    operator.inputs[position] = len(tensors)
    tensors.append(tensor)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.asarray(value, "<i4").tobytes(), np.uint8)
    tree.buffers.append(buffer)
    tensor.buffer = len(tree.buffers) - 1


def test_the_file_describes_itself(detector, detector_file):
    contents = read_contents(detector_file)
    assert contents.is_detector and contents.is_online and contents.variant == "float32"
    assert contents.spec == read_spec(detector_file) == detector.spec
    assert (contents.num_streams, contents.frames_per_step) == (1, 1)
    with refuses("model", "must be a classifier", "a detector"):
        _ = contents.classifier

    stream = json.loads(contents.model.metadata[STREAM_NAME].tobytes())
    assert stream.keys() == {"variant", "start"} and set(stream["start"].values()) == {0}
    graph, outputs = contents.model.graphs[0], contents.model.signature.outputs
    assert [outputs[name] for name in DETECTIONS] == list(graph.outputs[:4])

    inputs, outputs = contents.model.interface()
    assert inputs["image"].shape == (1, 48, 64, 3)
    shapes = {name: outputs[name].shape for name in DETECTIONS}
    assert shapes == {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}
    assert {outputs[name].dtype for name in DETECTIONS} == {"float32"}
    assert inputs.keys() - {"image"} == outputs.keys() - set(DETECTIONS) == stream["start"].keys()


def too_many_candidates(tree):
    (operator,) = operators(tree, "TOPK_V2")
    set_constant(tree, operator, 1, 96)


def no_candidate(tree):
    (operator,) = operators(tree, "TOPK_V2")
    set_constant(tree, operator, 1, 0)


def other_number_of_positions(tree):
    (operator,) = operators(tree, "TOPK_V2")
    tree.subgraphs[0].tensors[operator.outputs[1]].shape = [59]


def no_box(tree):
    set_constant(tree, operators(tree, "NON_MAX_SUPPRESSION_V4")[0], 2, 0)


def swap_boxes_and_scores(tree):
    inputs = operators(tree, "NON_MAX_SUPPRESSION_V4")[0].inputs
    inputs[0], inputs[1] = inputs[1], inputs[0]


def read_at_computed_numbers(tree):
    """The second suppression's positions are below 36, and those of the first below 60."""
    first, second = operators(tree, "NON_MAX_SUPPRESSION_V4")
    gathers = [op for op in operators(tree, "GATHER") if op.inputs[1] == second.outputs[0]]
    gathers[0].inputs[1] = first.outputs[0]
    tensors = tree.subgraphs[0].tensors
    tensors[gathers[0].outputs[0]].shape = [12, *tensors[gathers[0].outputs[0]].shape[1:]]


def read_at_the_count(tree):
    gather = operators(tree, "GATHER")[-1]
    gather.inputs[1] = operators(tree, "NON_MAX_SUPPRESSION_V4")[0].outputs[1]
    result = tree.subgraphs[0].tensors[gather.outputs[0]]
    result.shape = result.shape[1:]


def gather_along_another_axis(tree):
    operators(tree, "GATHER")[0].builtinOptions.axis = 1


def single_position_outside(tree):
    operator = next(
        op for op in operators(tree, "STRIDED_SLICE") if op.builtinOptions.shrinkAxisMask
    )
    mask = operator.builtinOptions.shrinkAxisMask
    shape = tree.subgraphs[0].tensors[operator.inputs[0]].shape
    bits = np.array([mask >> i & 1 for i in range(len(shape))])
    set_constant(tree, operator, 1, bits * shape)
    set_constant(tree, operator, 2, bits * (np.array(shape) + 1))


def other_parts(tree):
    operator = operators(tree, "UNPACK")[0]
    operator.builtinOptions.num = len(operator.outputs) + 1


def integers_to_integers(tree):
    cast = operators(tree, "CAST")[0]
    tree.subgraphs[0].tensors[cast.outputs[0]].type = schema.TensorType.INT32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (too_many_candidates, "TOPK_V2 with 96 of 96 values"),
        (no_candidate, "TOPK_V2 with 0 of 96 values"),
        (other_number_of_positions, "positions of another shape than the values"),
        (no_box, "NON_MAX_SUPPRESSION_V4 with 0 boxes to select"),
        (swap_boxes_and_scores, "boxes that do not fit the scores"),
        (read_at_computed_numbers, "GATHER with positions that may be outside its input"),
        (read_at_the_count, "GATHER with positions that may be outside its input"),
        (gather_along_another_axis, "GATHER with the option 0"),
        (single_position_outside, "STRIDED_SLICE with a position outside its input"),
        (other_parts, "an operator UNPACK with"),
        (integers_to_integers, "CAST with the tensors int32, int32"),
    ],
)
def test_only_what_cannot_read_outside(tree, change, message):
    verify(parse_model(pack(tree)))
    change(tree)
    with pytest.raises(Damaged, match=re.escape(message)):
        verify(parse_model(pack(tree)))


def test_another_kind_of_spec_does_not_make_it_a_classifier(tree, tmp_path):
    """The runner refuses a file whose outputs are not those of its spec."""
    from export.runtime import StreamRunner

    entry = next(entry for entry in tree.metadata if entry.name == b"TSM_SPEC")
    text = ModelSpec(num_classes=3, input_size=48).to_json().encode()
    tree.buffers[entry.buffer].data = np.frombuffer(text, np.uint8)
    path = tmp_path / "renamed.tflite"
    path.write_bytes(seal(pack(tree)))
    with refuses("model", "must be an online model", "to logits"):
        StreamRunner(path)
