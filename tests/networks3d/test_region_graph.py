"""The network with region graphs: golden numbers of the network and of its graphs."""

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import (
    ModelSpec,
    build_model,
    load_checkpoint,
    load_official_weights,
    save_checkpoint,
)
from tsm_tf.analysis.cam_models import load_models
from tsm_tf.evaluation.protocols import EFFICIENT
from tsm_tf.layers.region_graph import overlap_graphs
from tsm_tf.predict.keras_models import load_predictor
from tsm_tf.training.step.distill import load_teacher
from tsm_tf.weights.official import infer_spec

ENDS = {
    "mean_stem": "maxpool",
    "mean_layer1": "layer1_2",
    "mean_layer2": "layer2_3_nl",
    "mean_layer3": "layer3_5_nl",
    "mean_layer4": "layer4_2",
    "mean_reduce": "reduce",
    "regions": "regions",
    "features": "features",
}


def test_golden(golden_dir):
    case = OfficialCase(golden_dir, "GCN", "networks")
    state_dict = case.state_dict()
    spec = infer_spec(state_dict, input_size=112, num_segments=16)
    assert (spec.backbone, spec.non_local) == ("i3d_r50_gcn", True)
    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)

    outputs = {
        name: model.get_layer(layer).output for name, layer in ENDS.items() if name in case.expected
    }
    clips, boxes = np.moveaxis(case.input, 2, -1), case.expected["boxes"]
    network = keras.Model(model.inputs, {**outputs, "logits": model.output})
    found = network([clips, boxes], training=False)
    found = {name: array(value) for name, value in found.items()}
    graphs = overlap_graphs(keras.ops.convert_to_tensor(boxes))
    found["graph_front"], found["graph_back"] = map(array, graphs)
    found["graph_similarity"] = array(model.get_layer("graph").similarity(found["regions"]))

    assert set(found) == set(case.expected) - {"boxes", "logits64"}
    tolerances = {"logits": 1e-4, "graph_similarity": 1e-4, "features": 4e-5, "regions": 4e-5}
    for name, value in found.items():
        value = value.mean((2, 3)) if name.startswith("mean_") else value
        expected = case.expected[name]
        np.testing.assert_allclose(
            value.reshape(expected.shape),
            expected,
            rtol=0,
            atol=tolerances.get(name, 1e-5),
            err_msg=name,
        )


SPEC = ModelSpec("i3d_r50_gcn", num_classes=2, num_segments=4, input_size=32, width=0.125)


def boxes_of(count, num_boxes=3):
    """Boxes in pixels of a clip, `[count, 2, num_boxes, 4]`."""
    corners = np.random.default_rng(1).uniform(0, 31, (count, 2, num_boxes, 2, 2))
    return np.sort(corners, axis=3).reshape(count, 2, num_boxes, 4).astype(np.float32)


def test_overlaps_by_hand():
    boxes = np.array([[[[0, 0, 4, 4], [10, 10, 12, 12]], [[2, 0, 6, 4], [0, 0, 4, 4]]]], np.float32)
    front, back = map(array, overlap_graphs(keras.ops.convert_to_tensor(boxes)))
    third = 1 / 3  # intersection 8, union 24
    np.testing.assert_allclose(front[0, 0], [0, 0, third / (1 + third), 1 / (1 + third)])
    assert not front[0, 1:].any()  # a lonely box, and the boxes of the last step
    np.testing.assert_allclose(back[0, 2:], [[1, 0, 0, 0], [1, 0, 0, 0]])
    assert not back[0, :2].any()


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


@pytest.mark.slow
def test_trains_and_loads(tmp_path):
    model = build_model(SPEC.replace(num_segments=2))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = array(model.get_layer("graph").sim[1].kernel).copy()
    clips, boxes = video_frames(2, 2, 32, 32, 3), boxes_of(2)[:, :1]
    model.fit([clips, boxes], np.array([0, 1]), verbose=0)
    assert np.any(array(model.get_layer("graph").sim[1].kernel) != before)

    expected = array(model([clips, boxes], training=False))
    save_checkpoint(model, tmp_path / "checkpoint")
    model.save(tmp_path / "model.keras")
    for loaded in (
        load_checkpoint(tmp_path / "checkpoint"),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        found = array(loaded([clips, boxes], training=False))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert loaded.spec == model.spec


def test_any_number_of_boxes_in_any_order(model):
    clips = video_frames(1, 4, 32, 32, 3)
    boxes = boxes_of(1, 5)
    one = array(model([clips, boxes], training=False))
    other = array(model([clips, boxes[:, :, ::-1]], training=False))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    moved = array(model([clips, boxes_of(1, 2)], training=False))
    assert np.abs(moved - one).max() > 1e-4


def test_refuses_boxes_that_do_not_fit(model):
    clips, boxes = video_frames(2, 4, 32, 32, 3), boxes_of(2)
    with refuses("boxes", "[B, 2, R, 4]", "4 frames", "(2, 3, 3, 4)"):
        model([clips, np.concatenate([boxes, boxes[:, :1]], axis=1)])
    outside = boxes.copy()
    outside[1, 0, 2, 3] = 31.5
    with refuses("boxes", "from 0 to 31", "31.5"):
        model([clips, outside])
    with refuses("boxes", "from 0 to 31"):
        model.predict([clips, boxes[..., [2, 1, 0, 3]]], verbose=0)
    with refuses("inputs", "[clips, boxes] for i3d_r50_gcn"):
        model(clips)


def test_refuses_what_needs_clips_alone(model, tmp_path):
    save_checkpoint(model, tmp_path)
    for call, purpose in (
        (lambda: load_predictor(tmp_path, EFFICIENT, 1), "predict videos without a data folder"),
        (lambda: load_models([tmp_path]), "be mapped"),
        (lambda: load_teacher(str(tmp_path), SPEC), "learn from a teacher"),
    ):
        with refuses("backbone", "takes no boxes", purpose, "i3d_r50_gcn"):
            call()
