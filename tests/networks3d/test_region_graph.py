"""The network with region graphs: golden numbers of the network and of its graphs."""

import keras
import numpy as np
from official import OfficialCase
from testing import array

from tsm_tf import build_model, load_official_weights
from tsm_tf.layers.region_graph import overlap_graphs
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
