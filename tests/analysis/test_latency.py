"""`tsm_tf/analysis/latency.py` and `clip_timing.py`."""

import csv

import keras
import pytest
import tensorflow as tf
from analysis.maps import linear_clip_model
from testing import refuses, run_main

import tsm_tf
from tsm_tf.analysis import latency
from tsm_tf.analysis.clip_timing import clip_calls, describe, is_out_of_memory, timed_device
from tsm_tf.versions import device


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_models_of_one_shape_get_the_same_clips():
    models = {name: linear_clip_model() for name in ("a", "b")}
    calls = clip_calls(models, batch_size=5)
    first, second = calls["a"](), calls["b"]()
    assert first.shape == (5, 3)
    assert (first == second).all() and len({tuple(row) for row in first.tolist()}) == 5


def test_boxes_are_the_second_input():
    class Mean(keras.layers.Layer):
        def call(self, inputs):
            clips, boxes = inputs
            assert clips.shape == (2, 4, 32, 32, 3) and boxes.shape == (2, 2, 10, 4)
            return keras.ops.reshape(boxes, (2, -1))

        def compute_output_shape(self, input_shape):
            return (input_shape[0][0], 80)

    clips = keras.Input((4, 32, 32, 3), batch_size=2)
    boxes = keras.Input((2, None, 4), batch_size=2)
    model = keras.Model([clips, boxes], Mean()([clips, boxes]))
    found = clip_calls({"": model}, batch_size=2)[""]().reshape(-1, 4)
    assert (found[:, :2] <= found[:, 2:]).all()
    assert found.min() >= 0 and 16 < found.max() <= 31


def test_backends_that_cannot_be_timed(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with refuses("KERAS_BACKEND", "tensorflow, jax", "torch"):
        clip_calls({})


def test_full_memory():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"))
    assert not is_out_of_memory(RuntimeError("the shapes differ"))
    assert not is_out_of_memory(tf.errors.InvalidArgumentError(None, None, "the shapes differ"))


def test_a_checkpoint_beside_the_paper(tmp_path, capsys):
    tsm_tf.save_checkpoint(linear_clip_model(), tmp_path / "run")
    counts = "--rounds=7", "--warm_up=2", "--batch_rounds=3"
    out = tmp_path / "out"
    run_main(latency, f"--checkpoints={tmp_path / 'run'}", *counts, f"--output={out}")

    own, *paper = rows_of(out / "latency_table.csv")
    assert own["source"] == "ours" and own["device"] == timed_device()
    assert float(own["latency_ms"]) > 0 and float(own["videos_per_s"]) > 16
    assert {row["source"] for row in paper} == {"paper"}
    tsm = next(row for row in paper if row["model"] == "TSM 8f")
    assert (tsm["table"], tsm["latency_ms"], tsm["videos_per_s"]) == ("6", "17.4", "77.4")
    assert (out / "latency_table.png").stat().st_size > 20_000
    printed = capsys.readouterr().out
    assert "round 5/7" in printed and "mean of 7 runs after 2" in printed


def test_specs():
    assert [describe(spec) for spec in latency.PAPER_MODELS.values()] == [
        "TSN resnet50 8f 224 px",
        "TSM resnet50 8f 224 px",
        "TSM resnet50 16f 224 px",
        "TSM NL resnet50 8f 224 px",
    ]
    small = tsm_tf.ModelSpec(width=0.35, input_size=48)
    assert describe(small) == "online TSM mobilenet_v2 0.35 8f 48 px"
    small = tsm_tf.ModelSpec("i3d_r50_3x1x1", num_segments=16, width=0.25)
    assert describe(small) == "I3D i3d_r50_3x1x1 0.25 16f 224 px"
    assert timed_device() in (device(), "GPU") or "NVIDIA" in timed_device()


def test_errors(tmp_path):
    out = f"--output={tmp_path / 'out'}"
    with refuses("checkpoints", "determine --width"):
        run_main(latency, f"--checkpoints={tmp_path}", "--width=0.5", out)
    with refuses("backbone", "must be one of"):
        run_main(latency, "--backbone=vgg", out)
    with refuses("checkpoint", "must be a folder"):
        run_main(latency, f"--checkpoints={tmp_path}", out)


@pytest.mark.slow
def test_a_spec(tmp_path, capsys):
    flags = "--backbone=resnet18", "--input_size=64", "--num_segments=2", "--num_classes=3"
    counts = "--rounds=2", "--warm_up=1", "--batch_rounds=1"
    run_main(latency, *flags, *counts, f"--output={tmp_path / 'out'}")
    own = rows_of(tmp_path / "out" / "latency_table.csv")[0]
    assert own["model"] == "TSM resnet18 2f 64 px"
    assert float(own["parameters_M"]) == pytest.approx(11.178, abs=0.01)
