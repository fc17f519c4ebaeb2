"""Covers `exporter`, `float32`, `export_model` and the command."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses, video_frames
from weights import with_weights

from export.format.metadata import read_spec
from export.format.reader import read_model
from export.runtime import StreamRunner
from export.tflite import export_model
from export.tflite.float32 import float32_policy, to_float32
from tsm_tf import ModelSpec, build_model, load_checkpoint, retrofit, save_checkpoint
from tsm_tf.errors import InputError


def test_names_and_spec_travel(model, online, clip):
    assert (
        online.name == "mobilenet_v2_online_float32.tflite"
        and clip.name == "mobilenet_v2_clip_float32.tflite"
    )
    inputs, outputs = read_model(online).interface()
    caches = [f"shift_{i:02d}" for i in range(10)]
    assert sorted(inputs) == ["image", *caches] and sorted(outputs) == ["logits", *caches]
    assert read_spec(online) == model.spec and read_spec(online).labels[3] == "ü"


def test_a_model_loaded_from_a_keras_file_is_exported(model, online, tmp_path):
    model.save(tmp_path / "clip.keras")
    loaded = keras.models.load_model(tmp_path / "clip.keras")
    (path,) = export_model(loaded, tmp_path, online=True)
    same, other = StreamRunner(path), StreamRunner(online)
    assert same.spec == other.spec
    for frame in video_frames(3, 32, 32, 3):
        np.testing.assert_array_equal(same.step(frame), other.step(frame))


@pytest.mark.parametrize("factor", [1.01, np.nan])
def test_export_that_differs_is_not_written(model, online, tmp_path, monkeypatch, factor):
    monkeypatch.setattr("export.tflite.exporter.convert", lambda *_: online.read_bytes())
    other = build_model(model.spec)
    other.set_weights([w * factor for w in model.get_weights()])
    with refuses("export", "at most 0.0001; nothing was written"):
        export_model(other, tmp_path, online=True)
    assert list(tmp_path.iterdir()) == []


def test_operator_that_the_oldest_runtime_lacks(model, online, tmp_path, monkeypatch):
    def newer(*_):
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
        next(
            code
            for code in tree.operatorCodes
            if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED
        ).version = 12
        return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))

    monkeypatch.setattr("export.tflite.exporter.convert", newer)
    with refuses("operators", "tflite-runtime 2.14.0", "FULLY_CONNECTED version 12"):
        export_model(model, tmp_path, online=True)
    assert list(tmp_path.iterdir()) == []


def test_a_variant_that_is_refused_does_not_affect_the_others(
    model, online, tmp_path, monkeypatch, capsys
):
    def refuse_int8(_model, _online, variant, *_):
        if variant == "int8":
            raise InputError("int8", "must not be asked for here", variant)
        return online.read_bytes()

    monkeypatch.setattr("export.tflite.exporter.convert", refuse_int8)
    with refuses("int8", "must not be asked for"):
        export_model(model, tmp_path, True, ("int8", "float32", "float16"), num_videos=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mobilenet_v2_online_float16.tflite",
        "mobilenet_v2_online_float32.tflite",
    ]
    assert "int8 IS NOT WRITTEN: `int8` must not" in capsys.readouterr().out


@pytest.mark.parametrize("backbone", ["resnet18", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_resnets(tmp_path, backbone):
    model = build_model(ModelSpec(backbone=backbone, num_classes=3, num_segments=2, input_size=32))
    runner = StreamRunner(export_model(model, tmp_path, online=True)[0])
    assert runner.step(video_frames(32, 32, 3)).shape == (3,)


def test_no_shift_gives_the_plain_network(model, tmp_path):
    plain = build_model(model.spec.replace(shift_mode="none"))
    runner = StreamRunner(export_model(plain, tmp_path, online=True)[0])
    frame = video_frames(32, 32, 3)
    np.testing.assert_array_equal(runner.step(frame), runner.step(frame))


def test_models_of_mixed_precision_are_exported_in_float32(model, online, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = build_model(model.spec)
        mixed.set_weights(model.get_weights())
        (path,) = export_model(mixed, tmp_path, online=True)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
    frame = video_frames(32, 32, 3)
    np.testing.assert_array_equal(StreamRunner(path).step(frame), StreamRunner(online).step(frame))


def test_policies_of_layers_inside_layers_are_replaced(model):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    half = build_model(model.spec)
    with float32_policy():
        assert keras.config.dtype_policy().name == "float32"
    assert keras.config.dtype_policy().name == "float16"
    keras.config.set_dtype_policy(before)
    layers = list(to_float32(half)._flatten_layers(include_self=False))
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    assert to_float32(model) is model


def test_refuses_before_work(model, online, tmp_path):
    with refuses("output", online.name, "would be lost"):
        export_model(model, online.parent, online=True)
    with refuses("shift_mode", "to stream"):
        export_model(
            build_model(model.spec.replace(shift_mode="bidirectional")), tmp_path, online=True
        )


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "export.tflite", *arguments], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done


def test_command(model, tmp_path):
    save_checkpoint(model, tmp_path / "run" / "best")
    done = command("--online", f"--checkpoint={tmp_path / 'run'}", f"--output={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "differs from Keras by at most" in done.stdout and "32 frames" in done.stdout
    assert StreamRunner(tmp_path / "out" / "mobilenet_v2_online_float32.tflite").labels == (
        "a",
        "b",
        "c",
        "ü",
    )


def test_command_without_checkpoint_says_so_loudly(tmp_path):
    done = command(
        "--online",
        f"--output={tmp_path}",
        "--width=0.35",
        "--input_size=32",
        "--num_classes=3",
        "--shift_div=4",
        "--dropout=0.25",
    )
    assert "NO CHECKPOINT: FRESH WEIGHTS" in done.stdout
    spec = read_spec(tmp_path / "mobilenet_v2_online_float32.tflite")
    assert (spec.num_classes, spec.width, spec.shift_div, spec.dropout) == (3, 0.35, 4, 0.25)


def test_command_refuses(tmp_path):
    for flags, part in (
        (["--checkpoint=nowhere"], "`checkpoint`"),
        (["--checkpoint=x", "--width=0.5"], "has its own spec; omit --width"),
        (["--shift_mode=bidirectional"], "`shift_mode`"),
        ([f"--output={__file__}"], "`output` must be a folder"),
        (["stray"], "--flag=value"),
    ):
        done = command("--online", f"--output={tmp_path / 'o'}", *flags)
        assert done.returncode == 1 and part in done.stderr and not (tmp_path / "o").exists()


@pytest.mark.slow
def test_command_exports_whatever_the_backend(model, tmp_path):
    save_checkpoint(model, tmp_path)
    command = [
        sys.executable,
        "-m",
        "export.tflite",
        "--online",
        f"--checkpoint={tmp_path}",
        f"--output={tmp_path}",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "jax"}
    )
    assert done.returncode == 0 and (tmp_path / "mobilenet_v2_online_float32.tflite").is_file(), (
        done.stderr
    )


def test_export_needs_tensorflow(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with refuses("KERAS_BACKEND", "python -m export.tflite", "jax"):
        export_model(model, tmp_path, online=True)


@pytest.mark.parametrize(
    "name, options",
    [
        ("MobileNetV3Small", {}),
        pytest.param("ResNet50V2", {"preprocess": "caffe"}, marks=pytest.mark.slow),
    ],
)
def test_retrofitted_networks(tmp_path, name, options):
    """Through a checkpoint, as users do. ResNet50V2 gets BGR channels to test their order."""
    network = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=5)
    model = retrofit(with_weights(network), 4, "unidirectional", batch_norm_momentum=0.9, **options)
    save_checkpoint(model, tmp_path)
    (path,) = export_model(load_checkpoint(tmp_path), tmp_path / "exported", online=True)
    assert path.name == "keras_online_float32.tflite"
    frames = video_frames(4, 64, 64, 3)
    runner = StreamRunner(path)
    streamed = np.mean([runner.step(frame) for frame in frames], axis=0)
    np.testing.assert_allclose(
        streamed, keras.ops.convert_to_numpy(model(frames[None]))[0], rtol=1e-5, atol=1e-4
    )
