"""What every network of clips must pass: its golden case, a training step, saving, exports."""

import keras
import numpy as np
import tensorflow as tf
from official import OfficialCase
from testing import array, video_frames
from weights import with_weights

from export.tflite.convert import convert
from tsm_tf import ModelSpec, build_model, load_checkpoint, load_official_weights, save_checkpoint
from tsm_tf.weights.official import infer_spec


def assert_golden(golden_dir, key, backbone, ends, tolerance=1e-5):
    """Checks logits, and means over height and width at the ends of layers, by place."""
    case = OfficialCase(golden_dir, key, "networks")
    state_dict = case.state_dict()
    settings = case.settings
    spec = infer_spec(
        state_dict, input_size=settings["size"], num_segments=settings["num_segments"]
    )
    assert (spec.backbone, spec.width, spec.shift_mode) == (backbone, 1, "none")
    assert spec.num_classes == settings["num_class"]

    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)
    places = {place: model.get_layer(layer).output for place, layer in ends.items()}
    network = keras.Model(model.input, {**places, "logits": model.output})
    found = network(np.moveaxis(case.input, 2, -1), training=False)

    assert set(found) == set(case.expected) - {"logits64"}
    for name, tensor in found.items():
        value, expected = array(tensor), case.expected[name]
        value = value.mean((2, 3)) if value.ndim == 5 else value
        np.testing.assert_allclose(
            value.reshape(expected.shape),
            expected,
            rtol=0,
            atol=tolerance,
            err_msg=name,
        )


def assert_trains(spec: ModelSpec, folder):
    """Checks that a step moves every weight, and that the trained model loads as it was saved.

    With a single value per channel and clip at the end, batch norms let gradients explode.
    """
    model = build_model(spec)
    before = [array(variable).copy() for variable in model.trainable_variables]
    model.compile(
        keras.optimizers.Adam(1e-3),  # moves even weights with tiny gradients
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    clips = video_frames(2, spec.num_segments, spec.input_size, spec.input_size, 3)
    model.fit(clips, np.array([0, 2]), verbose=0)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert np.any(array(variable) != value), variable.path

    expected = array(model(clips, training=False))
    assert np.abs(expected[0] - expected[1]).max() > 1e-5
    model.save(folder / "model.keras")
    save_checkpoint(model, folder / "checkpoint")
    for loaded in (
        keras.saving.load_model(folder / "model.keras"),
        load_checkpoint(folder / "checkpoint"),
    ):
        np.testing.assert_allclose(array(loaded(clips, training=False)), expected, 1e-5, 1e-5)
        assert loaded.spec == model.spec


def assert_exports(spec: ModelSpec):
    """Checks that the file for TensorFlow Lite computes the same, with built-in operators."""
    model = with_weights(build_model(spec))
    interpreter = tf.lite.Interpreter(model_content=convert(model, online=False))
    runner = interpreter.get_signature_runner()
    clips = video_frames(1, spec.num_segments, spec.input_size, spec.input_size, 3)
    expected = array(model(clips, training=False))
    found = runner(image=clips[0].astype(np.float32))["logits"]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)
