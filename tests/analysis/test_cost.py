import csv
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from testing import refuses

from tsm_tf import (
    ModelSpec,
    TemporalShift,
    build_model,
    build_stream_model,
    save_checkpoint,
)
from tsm_tf.analysis.cost import model_cost, summary, table

IMAGE = (8, 8, 4)


def functional(shape, *chain):
    inputs = x = keras.Input(shape)
    for layer in chain:
        x = layer(x)
    return keras.Model(inputs, x)


def test_a_shared_layer_multiplies_each_time_and_has_its_weights_once():
    conv = layers.Conv2D(4, 1, use_bias=False)
    nested = keras.Sequential([keras.Input(IMAGE), conv, layers.MaxPooling2D()])
    x = keras.Input(IMAGE)
    y = nested(conv(x))
    cost = model_cost(
        keras.Sequential([keras.Input(IMAGE), keras.Model(x, y), layers.Flatten(), layers.Dense(3)])
    )
    assert [c.multiply_adds for c in cost.layers if c.multiply_adds] == [64 * 16, 64 * 16, 64 * 3]
    assert cost.total("parameters") == 16 + 64 * 3 + 3


def test_what_cannot_be_counted_is_named():
    class Mine(layers.Dense):
        """May compute anything."""

    x = keras.Input((6, 4))
    frames = layers.TimeDistributed(layers.Dense(2), name="frames")(x)
    y = ops.einsum("...ik,...kj->...ij", x, layers.Dot((1, 1), name="dot")([x, x]))
    model = keras.Model(
        x, [Mine(3, name="mine")(layers.LSTM(5, name="lstm")(x)), frames, y, layers.Dense(1)(x)]
    )
    cost = model_cost(model)
    named = {"mine (Mine)", "lstm (LSTM)", "frames (TimeDistributed)", "dot (Dot)"}
    assert {name for name in cost.uncounted if "Einsum" not in name} == named
    assert len(cost.uncounted) == 5
    assert cost.total("multiply_adds") == 6 * 4
    assert cost.total("parameters") == model.count_params()
    assert all(f"NOT COUNTED: {name}" in summary(cost) for name in named)
    assert "?" in table(cost)


@pytest.mark.parametrize(("mode", "directions"), [("bidirectional", 2), ("unidirectional", 1)])
def test_moved_by_hand(mode, directions):
    """3 of 10 channels move in each direction; the first convolution takes all 10."""
    shift = TemporalShift(4, 3, mode)
    cost = model_cost(functional((5, 5, 10), shift, layers.Conv2D(2, 1), layers.Conv2D(3, 1)))
    assert cost.frames == 4
    assert cost.total("moved") == 4 * 25 * 3 * directions
    assert cost.moved_of_shifted == pytest.approx(0.3 * directions)
    assert cost.moved_of_all == pytest.approx(0.3 * directions * 10 / 12)
    assert cost.cache_bytes == (None if directions == 2 else 25 * 3 * 4)


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet18"])
def test_caches_are_those_of_the_stream(backbone):
    model = build_model(ModelSpec(backbone, input_size=64, num_segments=4))
    caches = build_stream_model(model).initial_state()
    expected = sum(np.asarray(cache).nbytes for cache in caches.values())
    assert model_cost(model).cache_bytes == expected


def test_shift_costs_no_multiply_add_and_the_model_stays_as_it_was():
    spec = ModelSpec(width=0.35, input_size=64)
    model, plain = build_model(spec), build_model(spec.replace(shift_mode="none"))
    cost = model_cost(model)
    assert cost == model_cost(model)
    # A second recorded call would make `output` ambiguous.
    assert model.get_layer("head").output.shape == (None, 27)
    assert cost.total("multiply_adds") == model_cost(plain).total("multiply_adds")
    assert model_cost(plain).total("moved") == model_cost(plain).moved_of_shifted == 0
    stream = model_cost(build_stream_model(model))
    assert stream.frames == 1 and 8 * stream.total("multiply_adds") == cost.total("multiply_adds")


def test_papers_resnet50():
    """Tables 2, 6 and 10: 33G for 8 frames, 65G for 16, 24.3M parameters."""
    spec = ModelSpec("resnet50", num_classes=400, shift_mode="bidirectional")
    cost = model_cost(build_model(spec))
    assert round(cost.total("multiply_adds") / 1e9) == 33
    assert round(cost.total("parameters") / 1e6, 1) == 24.3
    assert cost.moved_of_shifted == 0.25 and cost.uncounted == []
    assert round(2 * cost.total("multiply_adds") / 1e9) == 65


def test_mobilenet_v2s_300_million():
    cost = model_cost(build_model(ModelSpec(num_classes=1000)))
    assert cost.total("multiply_adds") / cost.frames == pytest.approx(300e6, rel=0.003)
    assert cost.total("parameters") == 3_504_872  # torchvision's


def test_equals_tensorflows_own_count():
    spec = ModelSpec(
        "resnet50", input_size=64, non_local=True, temporal_pool=True, shift_mode="bidirectional"
    )
    for model in (build_model(spec), build_model(ModelSpec(input_size=64, width=0.5))):
        for layer in model.layers:  # which multiplies by 0 and 1 only, as a convolution
            if isinstance(layer, TemporalShift):
                layer.as_convolution = False
        clip = tf.TensorSpec((1, *model.input.shape[1:]))
        graph = (
            tf.function(lambda x, model=model: model(x, training=False))
            .get_concrete_function(clip)
            .graph
        )
        builder = tf.compat.v1.profiler.ProfileOptionBuilder
        options = builder(builder.float_operation()).with_empty_output().build()
        node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
        operations = {}
        while node.children:
            node = node.children[0]
            operations[node.name] = node.float_ops
        multiplying = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2")
        expected = sum(operations.get(name, 0) for name in multiplying)
        assert 2 * model_cost(model).total("multiply_adds") == expected


def test_refuses():
    class Subclass(keras.Model):
        """Its graph is unknown."""

    with refuses("model", "functional", "Subclass"):
        model_cost(Subclass())
    with refuses("model", "shape", "None, None, 3"):
        model_cost(functional((None, None, 3), layers.Conv2D(2, 1)))


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tsm_tf.analysis.cost", *arguments], capture_output=True, text=True
    )


def test_command(tmp_path):
    model = build_model(ModelSpec(width=0.35, input_size=32, num_segments=2))
    save_checkpoint(model, tmp_path)
    done = command(f"--checkpoint={tmp_path}", "--layers", f"--output={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    cost = model_cost(model)
    path = tmp_path / "out" / "cost.csv"
    assert done.stdout == f"{table(cost)}\n{summary(cost)}\nwritten to {path}\n"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == [call.kind for call in cost.layers]
    assert rows[-2]["layer"] == "head" and rows[-2]["output"] == "2x27"
    assert sum(int(row["multiply_adds"]) for row in rows) == cost.total("multiply_adds")


def test_command_refuses(tmp_path):
    done = command(f"--checkpoint={tmp_path}", "--num_segments=4")
    assert done.returncode == 1
    assert done.stderr.startswith("error: `checkpoint` determines --num_segments;")

    done = command("--backbone=resnet18", "--non_local")
    assert done.returncode == 1 and done.stderr.startswith("error: `non_local` must be")


@pytest.mark.parametrize(
    ("flags", "parameters"),
    [
        # as Keras and torchvision count them; flow has 7 more input channels for 64 kernels of 7x7
        (["--backbone=keras:MobileNetV2", "--input_size=64"], 2_236_682),
        (["--backbone=resnet18", "--modality=flow", "--dropout=0"], 11_181_642 + 7 * 64 * 7 * 7),
    ],
)
def test_command_accepts_what_training_and_export_accept(flags, parameters):
    done = command("--num_classes=10", *flags)
    assert done.returncode == 0, done.stderr
    assert f"parameters               {parameters:,}\n" in done.stdout
