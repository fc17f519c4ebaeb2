import numpy as np
from testing import video_frames

from export.format.reader import parse_model
from export.runtime import StreamRunner
from export.sample_clips import SampleClips
from export.tflite.convert import convert
from export.tflite.draft import Draft
from export.tflite.quantize import quantize


def types(content):
    """Returns the types of the weights of each operator that has weights, by operator."""
    file = parse_model(content)
    tensors = file.graphs[0].tensors
    made = {o.outputs[0]: o for o in file.graphs[0].operators}
    found = {}
    for operator in file.graphs[0].operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            index = operator.inputs[1]
            source = made[index].inputs[0] if index in made else index
            found.setdefault(operator.name, set()).add(tensors[source].dtype)
    return found


def test_weight_only(online):
    content = quantize(online.read_bytes(), "weight_only")
    assert types(content) == {
        "CONV_2D": {"int8"},
        "DEPTHWISE_CONV_2D": {"int8"},
        "FULLY_CONNECTED": {"float32"},
    }
    file = parse_model(content)
    assert {t.dtype for t in file.graphs[0].tensors if not file.constant(t).size} == {"float32"}
    assert len(content) < 0.4 * online.stat().st_size  # at width 0.35


def test_taps_of_a_shift_stay_exact(clip):
    file = parse_model(quantize(clip.read_bytes(), "weight_only"))
    tensors = file.graphs[0].tensors
    taps = [
        file.constant(tensors[operator.inputs[1]]).view(np.float32)
        for operator in file.graphs[0].operators
        if operator.name == "DEPTHWISE_CONV_2D" and tensors[operator.inputs[1]].shape[1:3] == (3, 1)
    ]
    assert len(taps) == 10 and all(np.isin(kernel, (0, 1)).all() for kernel in taps)


def test_dense_layers_have_one_scale(online):
    file = parse_model(quantize(online.read_bytes(), "dynamic"))
    tensors = file.graphs[0].tensors
    weights = {
        operator.name: tensors[operator.inputs[1]]
        for operator in file.graphs[0].operators
        if operator.name in ("CONV_2D", "FULLY_CONNECTED")
    }
    assert all(tensor.dtype == "int8" for tensor in weights.values())
    assert len(weights["FULLY_CONNECTED"].scale) == 1 and len(weights["CONV_2D"].scale) > 1
    assert len(file.data) < 2**20 and all(file.constant(t).size for t in weights.values())


def test_layers_that_stay_in_float(model, tmp_path):
    frames = video_frames(1, 8, 32, 32, 3)
    clips = SampleClips(frames, None, "tests")
    content = convert(model, True, "int8", clips, keep_float=["features_1_conv_0", "head"])
    assert types(content) == {
        "CONV_2D": {"int8"},
        "DEPTHWISE_CONV_2D": {"int8", "float32"},
        "FULLY_CONNECTED": {"float32"},
    }
    draft = Draft(content)
    draft.set_io_types("uint8", "float32")
    names = [operator.name for operator in draft.graph.operators]
    # The image's and that of the first layer's result; the logits are never rounded.
    assert names.count("QUANTIZE") == names.count("DEQUANTIZE") == 2
    assert names[-1] == "FULLY_CONNECTED"

    path = tmp_path / "mixed.tflite"
    path.write_bytes(draft.seal(model.spec, "int8"))
    runner, first = StreamRunner(path), []
    for _ in range(2):
        runner.reset()
        first.append([runner.step(frame) for frame in frames[0]])
    np.testing.assert_array_equal(*first)
    assert np.ptp(first[0], axis=0).max() > 0.01
