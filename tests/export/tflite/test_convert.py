import pytest

from export.format.reader import parse_model
from export.tflite import convert
from tsm_tf import ModelSpec, TemporalShift, build_model
from tsm_tf.layers.clip_conv import ClipConv


@pytest.mark.parametrize("num_streams", [1, 3])
def test_names_and_shapes(model, num_streams):
    parsed = parse_model(convert.convert(model, online=True, num_streams=num_streams))
    graph, (signature,) = parsed.graphs[0], parsed.signatures
    shapes = {name: graph.tensors[index].shape for name, index in signature.inputs.items()}
    assert shapes["image"] == (num_streams, 32, 32, 3)
    assert sorted(shapes) == ["image", *(f"shift_{i:02d}" for i in range(10))]
    for name, index in signature.outputs.items():
        expected = (num_streams, 4) if name == "logits" else shapes[name]
        assert graph.tensors[index].shape == expected


@pytest.mark.parametrize("variant, num_convolutions", [("weight_only", 10), ("dynamic", 0)])
def test_only_float_activations_shift_by_convolutions(model, variant, num_convolutions):
    graph = parse_model(convert.convert(model, False, variant)).graphs[0]
    kernels = [
        graph.tensors[operator.inputs[1]].shape
        for operator in graph.operators
        if operator.name == "DEPTHWISE_CONV_2D"
    ]
    assert sum(shape[1:3] == (3, 1) for shape in kernels) == num_convolutions
    assert len(kernels) == 17 + num_convolutions
    assert all(layer.as_convolution for layer in model.layers if isinstance(layer, TemporalShift))


@pytest.mark.slow
def test_networks_of_clips_have_no_3d_operators():
    """Convolutions over time and space are over stacked frames, and pools over frames."""
    spec = ModelSpec("i3d_r50_3x3x3", num_segments=16, input_size=32, width=0.125, num_classes=3)
    model = build_model(spec)
    kernels = [layer for layer in model.layers if isinstance(layer, ClipConv)]
    parsed = parse_model(convert.convert(model, online=False))
    names = {operator.name for graph in parsed.graphs for operator in graph.operators}
    assert "CONV_2D" in names and not any("3D" in name for name in names)
    assert not any(layer.over_frames for layer in kernels)
