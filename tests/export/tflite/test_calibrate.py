import numpy as np
import pytest
from testing import video_frames

from export.format.reader import parse_model
from export.sample_clips import SampleClips
from export.tflite import calibrate
from export.tflite.convert import convert


@pytest.fixture(scope="module")
def clips():
    return SampleClips(video_frames(3, 2, 32, 32, 3), None, "tests")


@pytest.fixture
def samples(monkeypatch):
    """The inputs of every call of the file, whose caches are one more each time."""
    calls = []

    class Fake:
        def __init__(self, *_):
            pass

        def get_signature_runner(self, _):
            return run

        def get_calibration_results(self):
            return {}

    def run(**inputs):
        calls.append(inputs)
        return {name: value + 1 for name, value in inputs.items()} | {"logits": np.zeros(4)}

    monkeypatch.setattr(calibrate, "CalibrationInterpreter", Fake)
    return calls


def test_every_second_clip_starts_from_the_initial_caches(online, clips, samples):
    calibrate.measure_ranges(online.read_bytes(), clips, True)
    assert all(sorted(sample) == ["image", *CACHES] for sample in samples)
    assert [sample["shift_03"].max() for sample in samples] == [0, 1, 2, 3, 0, 1]
    for sample, frame in zip(samples[1:], clips.frames.reshape(-1, 32, 32, 3)[1:], strict=True):
        np.testing.assert_array_equal(sample["image"][0], frame)


CACHES = [f"shift_{i:02d}" for i in range(10)]


def test_clips_are_side_by_side_for_several_streams(model, clips, samples):
    content = convert(model, True, num_streams=2, frames_per_step=2)
    calibrate.measure_ranges(content, clips, True, frames_per_step=2)
    assert len(samples) == 2  # clips 0 and 1, then 2 and 0
    assert samples[0]["image"].shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(samples[1]["image"][2:], clips.frames[[2, 0], 1])

    samples.clear()
    calibrate.measure_ranges(content, clips, True)  # of four streams, one frame per step
    assert len(samples) == 2
    np.testing.assert_array_equal(samples[1]["image"], clips.frames[[0, 1, 2, 0], 1])


def test_samples_of_clips_have_every_byte(clip, samples):
    clips = SampleClips(video_frames(3, 4, 32, 32, 3), None, "tests")
    calibrate.measure_ranges(clip.read_bytes(), clips, False)
    image = samples[0]["image"]
    assert len(samples) == 3 and image.shape == (4, 32, 32, 3) and image.dtype == np.float32
    assert image[0, 0, 0].tolist() == [0] * 3 and image[0, 0, 1].tolist() == [255] * 3
    np.testing.assert_array_equal(image[1], clips.frames[0, 1])
    assert clips.frames[0, 0, 0, 0].any()  # the clips themselves are unchanged


def test_ranges_are_the_same_wherever_values_move(online, clips):
    file = parse_model(online.read_bytes())
    graph, (signature,) = file.graphs[0], file.signatures
    ranges = calibrate.measure_ranges(online.read_bytes(), clips, True)

    def range_of(index):
        found = ranges[graph.tensors[index].name]
        return float(found["min"].item()), float(found["max"].item())

    assert range_of(signature.inputs["image"]) == (0, 255)
    for name in CACHES:
        assert range_of(signature.inputs[name]) == range_of(signature.outputs[name])
    for operator in graph.operators:
        if operator.name == "CONCATENATION":
            shifted = {range_of(index) for index in (*operator.inputs, *operator.outputs)}
            assert len(shifted) == 1
    assert len({range_of(index) for index in signature.outputs.values()}) == 11
