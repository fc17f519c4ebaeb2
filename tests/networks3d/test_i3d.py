"""I3D: golden numbers, and what it has in common with the 2D network."""

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array

from tsm_tf import build_model, load_official_weights
from tsm_tf.weights.official import infer_spec

CASES = [
    ("I3D333", "i3d_r50_3x3x3"),
    ("I3D311", "i3d_r50_3x1x1"),
    ("I3DNL", "i3d_r50_3x1x1"),
    ("I3DREP", "i3d_r50_replace"),
]
ENDS = {
    "mean_stem": "maxpool",
    "mean_layer1": "layer1_2",
    "mean_layer2": "layer2_3",
    "mean_layer3": "layer3_5",
    "mean_layer4": "layer4_2",
}


@pytest.mark.parametrize(
    ("key", "backbone"),
    [pytest.param(*case, marks=() if case[0] == "I3D311" else pytest.mark.slow) for case in CASES],
)
def test_golden(golden_dir, key, backbone):
    case = OfficialCase(golden_dir, key, "networks")
    state_dict = case.state_dict()
    spec = infer_spec(state_dict, input_size=96)
    assert spec.backbone == backbone
    assert spec.num_segments == case.settings["num_segments"]
    assert spec.non_local == (key == "I3DNL")

    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)
    layers = {layer.name for layer in model.layers}
    outputs = {
        place: model.get_layer(f"{name}_nl" if f"{name}_nl" in layers else name).output
        for place, name in ENDS.items()
    }
    outputs = keras.Model(model.input, {**outputs, "logits": model.output})
    found = outputs(np.moveaxis(case.input, 2, -1), training=False)
    assert set(case.expected) - {"logits64"} == set(found)
    for name, tensor in found.items():
        value = array(tensor)
        value = value.mean((2, 3)) if name.startswith("mean_") else value
        expected = case.expected[name]
        value = value.reshape(expected.shape)
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5, err_msg=name)
