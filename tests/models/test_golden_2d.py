"""The paper's other networks of frames give the originals' numbers (tests/golden/NETWORKS.md)."""

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array, step

from tsm_tf import build_model, load_official_weights
from tsm_tf.weights.official import infer_spec

ONLINE = {"shift_mode": "unidirectional"}
CASES = [
    # case, what the names cannot tell, tolerance
    pytest.param("RX101", {}, 1e-5, marks=pytest.mark.slow),
    ("RX50", {"num_segments": 4}, 1e-5),
    pytest.param("BNTSN", {}, 1e-4, marks=pytest.mark.slow),
    pytest.param("BNTSM", {"shift_mode": "bidirectional"}, 1e-4, marks=pytest.mark.slow),
    (
        "BNRES",
        {"shift_mode": "bidirectional", "shift_place": "blockres", "num_segments": 4},
        5e-4,
    ),
    pytest.param("TRNM_BN", {}, 5e-4, marks=pytest.mark.slow),
    ("TRNM_R50", {}, 1e-4),
    pytest.param("TRN_BN", {}, 1e-4, marks=pytest.mark.slow),
    pytest.param("TRN_R50", {}, 1e-5, marks=pytest.mark.slow),
]


def relations_of(case):
    """The original's draws, as frame numbers, without the relation of all frames."""
    drawn = case.settings.get("relation_frames", {})
    smaller = sorted((int(scale) for scale in drawn), reverse=True)[1:]
    return [relation for scale in smaller for relation in drawn[str(scale)]]


def places(model, expected):
    """The layer of each place whose mean is expected."""
    names = {layer.name for layer in model.layers}
    found = {}
    for key in expected:
        place = key.removeprefix("mean_")
        if place == key:
            continue
        ends = [f"{place}_3x3_s2", f"inception_{place}_output"]
        if place == "stem":
            ends = ["maxpool"]
        elif place.startswith("layer"):
            blocks = [n for n in names if n.startswith(f"{place}_") and n.count("_") == 1]
            ends = [max(blocks, key=lambda n: int(n.split("_")[1]))]
        found[key] = model.get_layer(next(n for n in ends if n in names)).output
    return found


@pytest.mark.parametrize("key, told, tolerance", CASES)
def test_case(golden_dir, key, told, tolerance):
    case = OfficialCase(golden_dir, key, files="networks")
    state_dict = case.state_dict()
    told = {**told, "relations": relations_of(case)}
    spec = infer_spec(state_dict, input_size=case.settings["size"], **told)
    assert spec.num_segments == case.settings["num_segments"]
    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)

    head = "frame_features" if key.startswith("TRN") else "frame_logits"
    outputs = {head: model.get_layer("head").output, **places(model, case.expected)}
    predict = keras.Model(model.input, {"logits": model.output, **outputs}).predict_on_batch
    actual = predict(np.moveaxis(case.input, 2, -1))
    if "relation_logits" in case.expected:
        features = keras.ops.convert_to_tensor(actual[head])
        actual["relation_logits"] = array(model.get_layer("consensus").relation_logits(features))

    assert set(actual) == set(case.expected) - {"logits64"}
    for name, value in actual.items():
        value = value.mean((1, 2)) if name.startswith("mean_") else value
        expected = case.expected[name]
        np.testing.assert_allclose(
            value.reshape(expected.shape),
            expected,
            rtol=0,
            atol=tolerance,
            err_msg=name,
        )


@pytest.mark.slow
@pytest.mark.parametrize("key", ["RX50", "BNTSM", "BNRES"])
def test_streams_equal_clips(golden_dir, key):
    case = OfficialCase(golden_dir, key, files="networks")
    state_dict = case.state_dict()
    place = "block" if key == "BNTSM" else "blockres"
    told = {**ONLINE, "shift_place": place, "num_segments": 3}
    spec = infer_spec(state_dict, input_size=case.settings["size"], **told)
    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)

    clip = np.moveaxis(case.input[:1, :3], 2, -1)
    expected = array(model.per_frame()(clip))[0]
    stream = model.stream()
    caches = stream.initial_state()
    for t, logits in enumerate(expected):
        actual, caches = step(stream, clip[:, t], caches)
        np.testing.assert_allclose(actual[0], logits, rtol=0, atol=1e-4)
    assert np.abs(expected[1] - expected[0]).max() > 1e-3
