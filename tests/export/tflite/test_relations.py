"""Temporal relations, and the grouped convolutions of ResNeXt, in exported files."""

import pytest
from weights import with_weights

from export.format.reader import parse_model
from export.parity import keras_logits, prove
from export.sample_clips import drawn_patterns
from export.tflite import convert
from export.tflite.draft import Draft
from tsm_tf import ModelSpec, build_model

SPEC = ModelSpec("mobilenet_v2", num_classes=5, num_segments=4, input_size=32, width=0.1)


def exported(model, online, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(Draft(convert.convert(model, online)).seal(model.spec))
    return path


@pytest.mark.parametrize("consensus", ["trn", "trn_multiscale"])
def test_relations_export_as_clips(consensus, tmp_path):
    model = with_weights(build_model(SPEC.replace(consensus=consensus)))
    clips = drawn_patterns(model.spec, 4, 4)
    path = exported(model, False, tmp_path)
    proof = prove(path, clips, keras_logits(model, clips, False))
    assert proof.difference < 1e-4 and proof.agreement == 1


@pytest.mark.slow
def test_resnext_streams_with_plain_convolutions(tmp_path):
    spec = ModelSpec("resnext50_32x4d", num_classes=5, num_segments=2, input_size=32)
    model = with_weights(build_model(spec))
    clips = drawn_patterns(spec, 1, 4)
    path = exported(model, True, tmp_path)
    proof = prove(path, clips, keras_logits(model, clips, True))
    assert proof.difference < 1e-4 and proof.frame_agreement == 1
    graph = parse_model(path.read_bytes()).graphs[0]
    for operator in graph.operators:
        if operator.name == "CONV_2D":
            image, kernel = (graph.tensors[i].shape for i in operator.inputs[:2])
            assert image[-1] == kernel[-1]
