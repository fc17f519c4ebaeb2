import numpy as np
import pytest
from testing import video_frames

from export.format.reader import parse_model
from export.sample_clips import SampleClips
from export.tflite import convert
from tsm_tf import TemporalShift, build_stream_model


@pytest.fixture(scope="module")
def clips():
    return SampleClips(video_frames(3, 2, 32, 32, 3), None, "tests")


def test_every_second_clip_starts_from_the_initial_caches(model, clips):
    samples = list(convert._online_samples(build_stream_model(model, 1), clips))
    assert len(samples) == 6 and all(len(sample) == 11 for sample in samples)
    is_cold = [not np.any(sample["shift_03"]) for sample in samples]
    assert is_cold == [True, False, False, False, True, False]
    for sample, frame in zip(samples[1:], clips.frames.reshape(-1, 32, 32, 3)[1:], strict=True):
        np.testing.assert_array_equal(sample["image"][0], frame)


def test_clips_are_side_by_side_for_several_streams(model, clips):
    samples = list(convert._online_samples(build_stream_model(model, 2), clips))
    assert len(samples) == 4  # clips 0 and 1, then 2 and 0
    np.testing.assert_array_equal(samples[3]["image"], clips.frames[[2, 0], 1])


def test_samples_of_clips_may_have_a_batch_axis(clips):
    assert next(convert._clip_samples(clips, False))["image"].shape == (2, 32, 32, 3)


def test_several_frames_are_one_sample(model, clips):
    samples = list(convert._online_samples(build_stream_model(model, 2, frames_per_step=2), clips))
    assert len(samples) == 2 and samples[0]["image"].shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(samples[1]["image"][2:], clips.frames[[2, 0], 1])


def test_samples_have_every_byte(clips):
    sample = next(convert._clip_samples(clips, True))["image"]
    assert sample.shape == (1, 2, 32, 32, 3) and sample.dtype == np.float32
    assert sample[0, 0, 0, 0].tolist() == [0] * 3 and sample[0, 0, 0, 1].tolist() == [255] * 3
    np.testing.assert_array_equal(sample[0, 1], clips.frames[0, 1])
    assert clips.frames[0, 0, 0, 0].any()  # the clips themselves are unchanged


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


@pytest.mark.parametrize("variant, num_convolutions", [("float32", 10), ("dynamic", 0)])
def test_only_float_clips_shift_by_convolutions(model, variant, num_convolutions):
    graph = parse_model(convert.convert(model, False, variant)).graphs[0]
    kernels = [
        graph.tensors[operator.inputs[1]].shape
        for operator in graph.operators
        if operator.name == "DEPTHWISE_CONV_2D"
    ]
    assert sum(shape[1:3] == (3, 1) for shape in kernels) == num_convolutions
    assert len(kernels) == 17 + num_convolutions
    assert all(layer.as_convolution for layer in model.layers if isinstance(layer, TemporalShift))
