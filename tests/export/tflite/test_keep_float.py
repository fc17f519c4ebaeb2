import pytest
from testing import refuses

from export.format.reader import parse_model
from export.tflite.keep_float import find_layers, find_results


def test_layers_by_a_regular_expression(model):
    assert find_layers(model, "^features_3_conv_[03]$") == [
        "features_3_conv_0",
        "features_3_conv_3",
    ]
    assert find_layers(model, "head") == ["head"]
    with refuses("keep_float", "in the name of a layer", "features_0_0", "head", "classifier"):
        find_layers(model, "classifier")


@pytest.mark.parametrize("kind", ["online", "clip"])
def test_operators_of_layers(request, kind):
    content = request.getfixturevalue(kind).read_bytes()
    graph = parse_model(content).graphs[0]
    makers = {graph.tensors[o.outputs[0]].name: o.name for o in graph.operators}

    def operators(*layers):
        return [makers[name] for name in find_results(content, layers)]

    assert operators("features_3_conv_0") == ["CONV_2D"]
    assert operators("features_3_conv_1") == ["CONV_2D"]  # its normalisation
    assert operators("features_1_conv_0", "features_3") == ["DEPTHWISE_CONV_2D", "ADD"]
    assert "FULLY_CONNECTED" in operators("head")
    with refuses("keep_float", "computes something", "dropout"):
        find_results(content, ["dropout"])
