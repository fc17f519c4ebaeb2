"""Tests of benchmarks.litert_torch_latency with its files, names and plot.

The script that needs litert-torch, `original_files.py`, is run by `make bench-litert-torch`. Files
with its names are written by TensorFlow here.
"""

import csv
import shutil
import subprocess
import sys

import numpy as np
import pytest
from testing import refuses
from weights import with_weights

from benchmarks import litert_torch_latency as latency
from benchmarks.litert_torch_files import caches_feed_back, has_name, read_renamed
from benchmarks.litert_torch_plot import plot_ratios
from benchmarks.run import ROOT
from export.format.reader import Graph, Model, Signature, Tensor
from export.runtime.interpreter import load_interpreter
from export.runtime.interpreter_engine import InterpreterEngine
from tsm_tf import ModelSpec, build_model

NUM_CACHES = 10  # with the image there is an `args_10`, which sorts before `args_2`


def write_numbered(path, num_caches=NUM_CACHES, custom=False):
    """Writes a file with litert-torch's names.

    The logits are the sum of the image and of all caches; cache k becomes itself plus k. With
    `custom` there is an operator that no runtime knows.
    """
    import tensorflow as tf

    numbers = range(1, num_caches + 1)
    shapes = {"args_0": (1, 1, 2, 2)} | {f"args_{k}": (1, k) for k in numbers}

    @tf.function(
        input_signature=[tf.TensorSpec(shape, name=name) for name, shape in shapes.items()]
    )
    def serve(*inputs):
        total = tf.add_n([tf.reduce_sum(x) for x in inputs])
        if custom:
            total = tf.reduce_sum(tf.linalg.cross([total] * 3, [1.0, 2.0, 3.0]))
        outputs = {f"output_{k}": inputs[k] + k for k in numbers}
        return {"output_0": tf.reshape(total, (1, 1)), **outputs}

    path.parent.mkdir(parents=True, exist_ok=True)
    saved = path.with_suffix("")
    tf.saved_model.save(tf.Module(), str(saved), signatures=serve.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.allow_custom_ops = custom
    path.write_bytes(converter.convert())
    shutil.rmtree(saved)


def test_numbers_are_no_names():
    names = ("args_0", "args_10", "output_1", "image", "block3", "args_", "my_args_1")
    assert [has_name(name) for name in names] == [False, False, False, True, True, True, True]


def test_a_numbered_file_streams_under_our_names(tmp_path):
    path = tmp_path / "numbered_float32.tflite"
    write_numbered(path)
    model = read_renamed(path)
    inputs, outputs = model.interface()
    caches = {f"cache_{k}" for k in range(1, NUM_CACHES + 1)}
    assert inputs.keys() == {"image", *caches} and outputs.keys() == {"logits", *caches}
    assert [inputs[f"cache_{k}"].shape for k in (2, 10)] == [(1, 2), (1, 10)]
    assert caches_feed_back(model)

    engine = InterpreterEngine(model, 1, "auto", "none")
    engine.fill_caches({}, slice(None))
    frame = np.uint8([[[[1, 2], [3, 4]]]])
    steps = [float(engine.step(frame)["logits"][0, 0]) for _ in range(3)]
    added = sum(k * k for k in range(1, NUM_CACHES + 1))  # cache k has k values
    assert steps == [10, 10 + added, 10 + 2 * added]

    columns = latency.file_columns(path)
    assert (columns["inputs"], columns["named_inputs"]) == (NUM_CACHES + 1, 0)
    assert columns["megabytes"] == round(path.stat().st_size / 1e6, 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"name": "another"}, True),
        ({"scale": (0.5,)}, False),
        ({"zero_point": (3,)}, False),
        ({"dtype": "float32"}, False),
        ({"shape": (1, 3)}, False),
    ],
)
def test_caches_feed_back_with_equal_types_and_scales(change, expected):
    cache = Tensor("in", (1, 2), "int8", 0, True, (0.25,), (-128,), 0)
    image = cache._replace(shape=(1, 4))
    graph = Graph([image, cache, cache._replace(**change)], (0, 1), (0, 2), [])
    inputs, outputs = {"image": 0, "cache_1": 1}, {"logits": 0, "cache_1": 2}
    signature = Signature("serving_default", 0, inputs, outputs)
    assert caches_feed_back(Model(b"", 3, [graph], [], [signature], {}, ())) is expected


def test_files_of_the_same_name_are_compared(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs / "litert-torch", theirs / "b"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.tflite").touch()
    (group,) = latency.find_groups([ours], theirs)
    assert {name: path.parent for name, path in group.items()} == {
        "tsm-tf": ours,
        "litert-torch": theirs / "litert-torch",
        "b": theirs / "b",
    }

    (ours / "c.tflite").touch()
    with refuses("theirs", "litert-torch/c.tflite", "theirs"):
        latency.find_groups([ours], theirs)


def test_a_file_of_theirs_that_a_runtime_refuses_is_left_out(tmp_path, capsys):
    good, bad = tmp_path / "good.tflite", tmp_path / "bad.tflite"
    write_numbered(good, num_caches=1)
    write_numbered(bad, num_caches=1, custom=True)
    runtime = load_interpreter(good)[1]

    group = {"tsm-tf": good, "litert-torch": bad, "b": good}
    assert list(latency.find_runnable(group, 1, runtime)) == ["tsm-tf", "b"]
    assert f"*** {bad} IS LEFT OUT: `model` must be a file that" in capsys.readouterr().out
    with refuses("model", f"{runtime} can run", "bad.tflite"):
        latency.find_runnable({"tsm-tf": bad}, 1, runtime)


def test_refuses_an_interpreter_without_litert_torch(tmp_path):
    for python in (str(tmp_path / "python0"), sys.executable):
        with refuses("torch_python", "litert-torch", python):
            latency.litert_torch_version(python)


@pytest.mark.parametrize(
    ("flag", "argument"), [("--runtimes=litert_gpu", "runtimes"), ("--threads=1,0", "threads")]
)
def test_refuses_other_runtimes_and_threads(flag, argument, tmp_path):
    command = [sys.executable, "-m", "benchmarks.litert_torch_latency", flag]
    command += [f"--ours={tmp_path}", f"--theirs={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and done.stderr.startswith(f"error: `{argument}` must be"), done


def test_draws_bars(tmp_path):
    row = {"network": "n_<b>$", "variant": "int8", "runtime": "r 1", "threads": 1}
    rows = [row | {"ratio": 0.5, "p50_ms": 3.2}, row | {"threads": 2, "ratio": 1.1, "p50_ms": 2.0}]
    plot_ratios(rows, tmp_path / "a.png", "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_our_files_against_numbered_ones(tmp_path):
    from export.tflite import export_model

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    spec = ModelSpec(num_classes=4, num_segments=2, input_size=32, width=0.35)
    export_model(with_weights(build_model(spec), seed=0), ours, online=True)
    clip = build_model(spec.replace(shift_mode="bidirectional"))
    export_model(with_weights(clip, seed=1), ours, online=False)
    for name, num_caches in (("mobilenet_v2_online", NUM_CACHES), ("mobilenet_v2_clip", 0)):
        write_numbered(theirs / "litert-torch" / f"{name}_float32.tflite", num_caches)
    _, runtime = load_interpreter(next(ours.glob("*.tflite")))

    command = [sys.executable, "-m", "benchmarks.litert_torch_latency", f"--runtimes={runtime}"]
    command += [f"--ours={ours}", f"--theirs={theirs}", "--rounds=1", f"--output={tmp_path}"]
    done = subprocess.run([*command, "--threads=1"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr

    (path,) = tmp_path.glob(f"litert_torch_latency-float32-*-{runtime}_*.csv")
    assert path.with_suffix(".png").is_file()
    with path.open() as file:
        rows = {(row["network"], row["writer"]): row for row in csv.DictReader(file)}
    writers = ("tsm-tf", "litert-torch", "tsm-tf, runner")
    networks = ("mobilenet_v2_clip", "mobilenet_v2_online")
    assert list(rows) == [(network, writer) for network in networks for writer in writers]

    for (network, writer), row in rows.items():
        inputs = {"mobilenet_v2_clip": "1", "mobilenet_v2_online": "11"}[network]
        assert row["inputs"] == inputs
        assert row["named_inputs"] == ("0" if writer == "litert-torch" else inputs)
        assert (row["ratio"] == "1.0") == (writer == "litert-torch")
        assert row["caches_feed_back"] == "True" and float(row["p50_ms"]) > 0
