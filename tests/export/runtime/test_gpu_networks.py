"""Every network in the tables of the README and docs/paper.md, on a GPU or a software driver."""

import numpy as np
import pytest
from gpu import require_gpu
from testing import video_frames
from weights import with_weights

from export.runtime import load_runner
from export.tflite.convert import convert
from export.tflite.draft import Draft
from export.tflite.gpu_limits import find_problems
from tsm_tf import ModelSpec, build_model

NETWORKS = (
    *("mobilenet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("keras:MobileNetV2", "keras:MobileNetV3Small", "keras:EfficientNetB0"),
    *("keras:EfficientNetV2B0", "keras:ResNet50V2"),
)

CLIPS = ("mobilenet_v2", "resnet18", "keras:EfficientNetB0")
FAINT = ("keras:EfficientNetB0",)  # with the tests' weights, the logits hardly depend on the frames


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_network(online, tmp_path, name):
    require_gpu(online)
    model = model_of(name)
    for variant in ("float32", "float16"):
        compare(model, variant, tmp_path, is_online=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_weight_only(online, tmp_path, name):
    require_gpu(online)
    compare(model_of(name), "weight_only", tmp_path, is_online=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_clips(online, tmp_path, name):
    require_gpu(online)
    model = model_of(name)
    for variant in ("float32", "weight_only"):
        compare(model, variant, tmp_path, is_online=False)


def model_of(name):
    spec = ModelSpec(backbone=name, num_classes=5, num_segments=4, input_size=32)
    model = with_weights(build_model(spec))
    if name in FAINT:
        for variable in model.weights:
            if "gamma" in variable.path:
                variable.assign(1.3 * variable)
    return model


def compare(model, variant, folder, is_online):
    """Compares a file's results on the GPU with those on the processor."""
    draft = Draft(convert(model, is_online, variant))
    assert find_problems(draft.graph) == []
    path = folder / f"{variant}.tflite"
    path.write_bytes(draft.seal(model.spec, variant))

    expected, actual = run(path, "auto"), run(path, "litert_gpu")
    tolerance = 1e-3 * np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 2 * tolerance
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def run(path, runtime):
    """Returns the logits of a few steps, or of two clips."""
    runner = load_runner(path, runtime=runtime)
    assert runner.acceleration == ("fully accelerated" if runtime == "litert_gpu" else "")
    step = getattr(runner, "step", runner)
    return np.stack([step(frames) for frames in video_frames(4, *runner.shape)])
