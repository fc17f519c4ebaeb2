"""Cases A to K: equal weights and frames give the original's numbers (tests/golden/README.md)."""

import json
import platform

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array, step

from tsm_tf import TemporalShift, build_model, build_stream_model, load_official_weights
from tsm_tf.weights.official import infer_spec

CASES = [
    # case, what the names cannot tell, tolerance
    ("A", {}, 1e-5),
    ("B", {}, 1e-5),
    ("C", {}, 1e-5),
    ("D", {}, 1e-4),
    ("F", {}, 1e-5),
    ("G", {}, 1e-5),
    ("H", {"shift_div": 4}, 1e-5),
    ("I", {}, 1e-5),
]


def stage_outputs(model):
    """The official stage names, each with the layer that ends the stage here."""
    names = {layer.name for layer in model.layers}
    if "maxpool" in names:
        ends = {"mean_stem": ["maxpool"]}
        for stage in (1, 2, 3, 4):
            blocks = [n for n in names if n.startswith(f"layer{stage}_") and n.count("_") == 1]
            last = max(blocks, key=lambda n: int(n.split("_")[1]))
            ends[f"mean_layer{stage}"] = [f"{last}_nl", last]
    else:
        ends = {
            f"mean_features{i}": [f"features_{i}", f"features_{i}_conv_7", f"features_{i}_2"]
            for i in range(19)
        }
        ends["mean_features1"] = ["features_1_conv_4"]
    return {
        key: model.get_layer(next(n for n in found if n in names)).output
        for key, found in ends.items()
    }


@pytest.mark.parametrize("key, told, tolerance", CASES)
def test_case(golden_dir, key, told, tolerance):
    case = OfficialCase(golden_dir, key)
    state_dict = case.state_dict()
    spec = infer_spec(state_dict, input_size=case.settings["size"], **told)
    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)
    outputs = {
        "logits": model.output,
        "frame_logits": model.get_layer("head").output,
        **stage_outputs(model),
    }
    frames = np.moveaxis(case.input, 2, -1)
    actual = keras.Model(model.input, outputs)(frames, training=False)
    compared = 0
    for name, expected in case.expected.items():
        if name == "logits64":
            continue
        value = array(actual[name])
        value = value.mean((1, 2)) if name.startswith("mean_") else value
        np.testing.assert_allclose(
            value.reshape(expected.shape), expected, rtol=0, atol=tolerance, err_msg=name
        )
        compared += 1
    assert compared >= 7


def test_case_e_online(golden_dir):
    case = OfficialCase(golden_dir, "E")
    state_dict = case.state_dict()
    model = build_model(infer_spec(state_dict, shift_mode="unidirectional"), preprocess=False)
    load_official_weights(model, state_dict)
    stream = build_stream_model(model)
    caches = stream.initial_state()
    for t, (frame, expected) in enumerate(zip(case.input, case.expected["logits"], strict=True)):
        logits, caches = step(stream, np.moveaxis(frame, 1, -1), caches)
        np.testing.assert_allclose(logits, expected.reshape(logits.shape), rtol=0, atol=1e-4)
        if t == 0:
            _assert_caches(caches, case.expected, "buffer_after_frame0")
    _assert_caches(caches, case.expected, "buffer_final")


def _assert_caches(caches, expected, key):
    for i, (_, cache) in enumerate(sorted(caches.items())):
        np.testing.assert_allclose(
            np.moveaxis(array(cache), -1, 1), expected[f"{key}_{i}"], rtol=0, atol=5e-4
        )
    assert len(caches) == 10


@pytest.mark.parametrize("channels", ["C16", "C20"])
@pytest.mark.parametrize("shift_div", [8, 4, 3])
def test_case_k_shift_alone(golden_dir, channels, shift_div):
    with np.load(golden_dir / "official_logits.npz") as arrays:
        x = np.moveaxis(arrays[f"K/{channels}/input"], 1, -1)
        expected = arrays[f"K/{channels}/div{shift_div}"]
    shifted = array(TemporalShift(5, shift_div)(x))
    np.testing.assert_array_equal(np.moveaxis(shifted, -1, 1), expected)


def test_rebuilt_weights_are_the_originals(golden_dir):
    """Compares sums and first values, and with the C library of Debian 12 all bits.

    numpy's generator leaves rare large values to the C library, which decides their last bit.
    """
    case = OfficialCase(golden_dir, "D")
    weights = case.state_dict()
    sums = json.loads((golden_dir / "official_weight_sums.json").read_text())["D"]
    assert weights.keys() == sums.keys()
    for name, weight in weights.items():
        assert weight.sum(dtype=np.float64) == pytest.approx(sums[name], rel=0, abs=1e-6), name
    for name, values in case.first_values.items():
        first = weights[name].flat[: len(values)]
        np.testing.assert_allclose(first, values, rtol=0, atol=1e-6, err_msg=name)
    if platform.libc_ver() == ("glibc", "2.36"):
        assert case.digest() == case.weights_sha256
