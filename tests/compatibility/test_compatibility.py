"""Files of earlier versions: see README.md beside this file."""

import functools
import json
import pathlib

import numpy as np
import pytest
from tensorflow.lite.python import interpreter
from testing import array, video_frames

from export.format.metadata import read_contents
from export.format.smoothing_rules import SmoothingRules
from export.runtime import ClipRunner, StreamRunner, load_runner
from tsm_tf import build_stream_model, load_checkpoint, save_checkpoint
from tsm_tf.weights.checkpoint import load_spec

FOLDER = pathlib.Path(__file__).parent
FRAMES = video_frames(4, 32, 32, 3, seed=11)
LABELS = ("Swiping Left", "Swiping Right", "No gesture")


def expected(name):
    with np.load(FOLDER / "logits.npz", allow_pickle=False) as logits:
        return logits[name]


@pytest.mark.parametrize("name", ["mobilenet_v2", "retrofit"])
def test_checkpoint_gives_the_same_logits(name, tmp_path):
    model = load_checkpoint(FOLDER / name)
    np.testing.assert_allclose(array(model(FRAMES[None]))[0], expected(name), atol=1e-5)

    save_checkpoint(model, tmp_path)
    again = load_checkpoint(tmp_path)
    assert again.spec == model.spec == load_spec(FOLDER / name)
    np.testing.assert_allclose(array(again(FRAMES[None]))[0], expected(name), atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet_v2", "retrofit"])
def test_checkpoint_still_streams(name):
    stream = build_stream_model(load_checkpoint(FOLDER / name))
    caches = {
        key: np.zeros((1, *tensor.shape[1:]), "float32")
        for key, tensor in stream.input.items()
        if key != "image"
    }
    logits = []
    for frame in FRAMES:
        outputs = stream({"image": frame[None].astype("float32"), **caches}, training=False)
        outputs = {key: array(value) for key, value in outputs.items()}
        logits.append(outputs.pop("logits")[0])
        caches = outputs
    np.testing.assert_allclose(np.mean(logits, axis=0), expected(name), atol=1e-5)


def test_specs_mean_what_they_meant():
    spec = load_spec(FOLDER / "mobilenet_v2")
    assert (spec.backbone, spec.num_segments, spec.input_size) == ("mobilenet_v2", 4, 32)
    assert (spec.width, spec.fps, spec.labels) == (0.1, 8.0, LABELS)
    assert (spec.short_side, spec.shift_mode, spec.shift_div) == (36, "unidirectional", 8)
    assert "network" in json.loads((FOLDER / "retrofit" / "spec.json").read_text())
    assert load_spec(FOLDER / "retrofit").backbone == "keras"


def test_exported_file_gives_the_same_logits(monkeypatch):
    path = FOLDER / "mobilenet_v2_online_int8.tflite"
    contents = read_contents(path)
    assert (contents.spec.labels, contents.variant, contents.is_online) == (LABELS, "int8", True)
    assert contents.spec == load_spec(FOLDER / "mobilenet_v2")
    assert len(contents.initial_caches) == 10 and any(contents.initial_caches.values())
    assert contents.smoothing == SmoothingRules(12, 1, (), {})

    # XNNPACK's int8 kernels round in their own way, unlike TFLite's, which the file was run on.
    plain = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    without_xnnpack = functools.partial(
        interpreter.Interpreter,
        experimental_op_resolver_type=plain,
    )
    monkeypatch.setattr(interpreter, "Interpreter", without_xnnpack)
    runner = StreamRunner(path, runtime="tensorflow")
    logits = [runner.step(frame) for frame in FRAMES]
    np.testing.assert_allclose(logits, expected(path.stem), atol=1e-6)


def test_clip_file_with_a_batch_axis_gives_the_same_logits():
    path = FOLDER / "mobilenet_v2_clip_float16.tflite"
    contents = read_contents(path)
    assert (contents.variant, contents.is_online) == ("float16", False)
    runner = load_runner(path)
    assert isinstance(runner, ClipRunner) and runner.shape == (4, 32, 32, 3)
    np.testing.assert_allclose(runner(FRAMES), expected("mobilenet_v2"), atol=5e-3)
