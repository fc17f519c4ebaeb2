import numpy as np
import pytest
from testing import video_frames
from weights import with_weights

from export.runtime import StreamRunner
from export.sample_clips import SampleClips
from export.tflite.calibrate import measure_ranges
from export.tflite.convert import convert
from export.tflite.draft import Draft
from export.tflite.quantize import quantize
from export.tflite.weight_ranges import widen_weights
from tsm_tf import ModelSpec, build_model


@pytest.fixture(scope="module")
def dead():
    """A model whose filters are zero: in every second channel, or all of them in one layer."""
    spec = ModelSpec(num_classes=4, num_segments=4, input_size=32, width=0.35)
    model = with_weights(build_model(spec))
    for layer in model.layers:
        if type(layer).__name__ in ("Conv2D", "DepthwiseConv2D"):
            (kernel,) = layer.get_weights()
            kernel[..., ::2, :] = 0 if kernel.shape[-1] == 1 else kernel[..., ::2, :]
            kernel[..., ::2] = 0 if kernel.shape[-1] > 1 else kernel[..., ::2]
            layer.set_weights([kernel])
    for name in ("features_2_conv_6", "features_2_conv_7"):  # before the first shift
        layer = model.get_layer(name)
        layer.set_weights([weight * 0 for weight in layer.get_weights()])
    kernel, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([kernel * 1e-9, bias + 1])
    return model


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
def test_filters_of_zeros_keep_their_biases(dead, tmp_path):
    frames = video_frames(1, 6, 32, 32, 3)
    content = convert(dead, True)
    ranges = measure_ranges(content, SampleClips(frames, None, "tests"), True)
    assert ranges.items() <= widen_weights(content, ranges).items()

    draft = Draft(quantize(content, "int8", ranges))
    draft.set_io_types("uint8", "float32")
    files = {"float32": Draft(content), "int8": draft}
    logits = {}
    for variant, file in files.items():
        path = tmp_path / f"{variant}.tflite"
        path.write_bytes(file.seal(dead.spec, variant))
        runner = StreamRunner(path)
        logits[variant] = np.stack([runner.step(frame) for frame in frames[0]])
    assert logits["float32"].min() > 0.5
    np.testing.assert_allclose(logits["int8"], logits["float32"], atol=0.02)


def test_only_weights_that_need_it_are_widened(online):
    content = online.read_bytes()
    clips = SampleClips(video_frames(1, 2, 32, 32, 3), None, "tests")
    ranges = measure_ranges(content, clips, True)
    assert widen_weights(content, ranges) == ranges
