import numpy as np
import pytest
from testing import array, refuses, step, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, build_stream_model

SMALL = ModelSpec(num_classes=5, num_segments=4, input_size=64, width=0.35)
STREAMED = {
    "mobilenet_v2": (SMALL, 1e-4),
    "resnet18": (SMALL.replace(backbone="resnet18", width=1.0), 1e-5),
    "resnet50": (SMALL.replace(backbone="resnet50", width=1.0, shift_div=4), 1e-5),
    "resnet101": (SMALL.replace(backbone="resnet101", width=1.0, num_segments=2), 1e-5),
    "in place": (SMALL.replace(backbone="resnet18", width=1.0, shift_place="block"), 1e-5),
    "all channels": (SMALL.replace(shift_div=1), 1e-4),
}


@pytest.mark.parametrize("name", STREAMED)
def test_streaming_equals_the_clip(name):
    spec, tolerance = STREAMED[name]
    model = with_weights(build_model(spec, per_frame=True))
    x = video_frames(2, spec.num_segments, 64, 64, 3)  # two streams side by side
    expected = array(model(x, training=False))
    scale = max(
        1.0, np.abs(expected).max()
    )  # 1e5 in deep networks: the last bits depend on the kernels
    assert np.abs(expected - expected[:, :1]).max() > 1e-2 * scale
    stream = build_stream_model(model, batch_size=2)
    for _ in range(2):  # the second time after a reset
        caches = stream.initial_state(2)
        for t in range(spec.num_segments):
            logits, caches = step(stream, x[:, t], caches)
            np.testing.assert_allclose(logits, expected[:, t], rtol=0, atol=tolerance * scale)
            assert list(caches) == [f"shift_{i:02d}" for i in range(len(caches))]


def test_plain_2d_network_has_no_caches():
    stream = build_stream_model(build_model(SMALL.replace(shift_mode="none")))
    assert list(stream.input) == ["image"] and list(stream.output) == ["logits"]


def test_stream_shares_the_clips_weights():
    model = build_model(SMALL)
    assert {id(v) for v in build_stream_model(model).weights} <= {id(v) for v in model.weights}


def test_refuses_to_stream_what_saw_the_future():
    with refuses("shift_mode", "bidirectional weights use future frames"):
        build_stream_model(build_model(SMALL.replace(shift_mode="bidirectional")))


@pytest.mark.parametrize(
    ("frames_per_step", "batch_size", "changes"),
    [(2, None, {}), (4, 2, {}), (3, 2, {"shift_div": 1}), (2, 2, {"shift_mode": "none"})],
)
def test_several_frames_per_step_equal_single_steps(frames_per_step, batch_size, changes):
    model = with_weights(build_model(SMALL.replace(**changes)))
    num_streams = batch_size or 1
    frames = video_frames(12, num_streams, 64, 64, 3)
    single, chunked = model.stream(), model.stream(batch_size, frames_per_step)

    caches, expected = single.initial_state(num_streams), []
    for frame in frames:
        logits, caches = step(single, frame, caches)
        expected.append(logits)

    new_caches, actual = chunked.initial_state(num_streams), []
    for chunk in frames.reshape(-1, frames_per_step * num_streams, 64, 64, 3):
        logits, new_caches = step(chunked, chunk, new_caches)
        actual.append(logits.reshape(frames_per_step, num_streams, -1))

    np.testing.assert_allclose(np.concatenate(actual), expected, rtol=1e-5, atol=1e-5)
    assert list(caches) == list(new_caches)
    for name, cache in caches.items():
        np.testing.assert_allclose(array(new_caches[name]), array(cache), rtol=1e-5, atol=1e-5)


def test_refuses_no_frame_per_step():
    with refuses("frames_per_step", "at least 1", "0"):
        build_stream_model(build_model(SMALL), frames_per_step=0)
