"""Assertions that tests share."""

import re

import keras
import numpy as np
import pytest
from absl import flags

from tsm_tf.errors import InputError


def frames(*shape, seed=0, dtype="float32"):
    """Distinct values everywhere: a constant input hides a wrong index."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def video_frames(*shape, seed=0):
    """Distinct uint8 frames `[..., H, W, C]`; coarse, since all noise is the same to a network."""
    *leading, height, width, channels = shape
    patches = np.random.default_rng(seed).integers(
        0, 256, (*leading, 4, 4, channels), dtype=np.uint8
    )
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return patches[..., rows, :, :][..., columns, :]


def array(x):
    """Converts a tensor from any backend to a numpy array."""
    return keras.ops.convert_to_numpy(x)


def step(stream, image, caches):
    """Runs a stream model on one frame; returns the logits as an array, and the new caches."""
    outputs = stream({"image": keras.ops.convert_to_tensor(image), **caches}, training=False)
    return keras.ops.convert_to_numpy(outputs.pop("logits")), outputs


def refuses(argument, *parts):
    """Expects an `InputError` about an argument whose text contains all parts, in order."""
    return pytest.raises(
        InputError,
        match=f"^`{re.escape(argument)}`" + "".join(f"(?s:.*){re.escape(p)}" for p in parts),
    )


def run_main(module, *arguments):
    """Runs a command's `main` in this process, with fresh flags."""
    others = set(flags.FLAGS)
    module.define_flags()
    try:
        flags.FLAGS(["command", *arguments])
        module.main()
    finally:
        for name in set(flags.FLAGS) - others:
            delattr(flags.FLAGS, name)


def own_lines(stderr):
    """A command's lines on stderr without those that TensorFlow 2.21 prints when it is imported."""
    start_up = re.compile(r"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:")
    return [line for line in stderr.splitlines() if not start_up.match(line)]


def assert_layer_works(make_layer, inputs, tmp_path):
    """Checks a layer eagerly, compiled, loaded from `.keras`, and in all float types."""
    layer = make_layer()
    layer.build(inputs.shape)
    weights = layer.get_weights()  # before the first call, which may change a state
    expected = keras.ops.convert_to_numpy(layer(inputs))
    for batch in (None, inputs.shape[0]):
        symbolic = keras.Input(inputs.shape[1:], batch)
        model = keras.Model(symbolic, make_layer()(symbolic))
        model.set_weights(weights)
        path = tmp_path / f"{batch}.keras"
        model.save(path)
        assert tuple(model.output.shape[1:]) == expected.shape[1:]
        np.testing.assert_allclose(model.predict_on_batch(inputs), expected, rtol=1e-5, atol=1e-6)
        loaded = keras.saving.load_model(path)
        np.testing.assert_allclose(loaded.predict_on_batch(inputs), expected, rtol=1e-5, atol=1e-6)
    for policy, dtype in (
        ("mixed_float16", "float16"),
        ("mixed_bfloat16", "bfloat16"),
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
    ):
        output = make_layer(dtype=policy)(keras.ops.cast(inputs, dtype))
        assert keras.backend.standardize_dtype(output.dtype) == dtype
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")), expected, atol=0.2
        )
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
