"""Covers `engine`, `compiled_engine`, `compiled_model`, `interpreter_engine` and `values`."""

import importlib.util
import itertools
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from gpu import require_gpu
from testing import refuses, video_frames

from export.format.reader import Tensor, read_model
from export.runtime import ClipRunner, StreamRunner
from export.runtime.compiled_model import MODULE, captured_log, compile_model
from export.runtime.engine import RUNTIMES, load_engine
from export.runtime.values import get_values, put_image

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("ai_edge_litert"), reason="LiteRT is not installed"
)


def stream(path, runtime, frames, num_threads=1):
    runner = StreamRunner(path, num_threads, runtime)
    return np.stack([runner.step(frame) for frame in frames])


@pytest.mark.parametrize("name", ["online", "int8"])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_compiled_streams_are_those_of_the_interpreter_bit_by_bit(request, name, num_threads):
    path, frames = request.getfixturevalue(name), video_frames(24, 32, 32, 3)
    expected = stream(path, "ai_edge_litert", frames, num_threads)
    np.testing.assert_array_equal(stream(path, "litert", frames, num_threads), expected)
    assert np.ptp(expected, axis=0).max() > 0


def test_compiled_clips_are_those_of_the_interpreter(clip):
    frames = video_frames(4, 32, 32, 3)
    expected = ClipRunner(clip, runtime="ai_edge_litert")(frames)
    np.testing.assert_array_equal(ClipRunner(clip, runtime="litert")(frames), expected)


def test_caches_are_swapped_and_not_copied(online):
    """The buffers that the model writes in one step are those that it reads in the next one."""
    runner, seen = StreamRunner(online, runtime="litert"), []
    compiled = runner.engine._compiled
    order = compiled.get_signature_list()["serving_default"]
    run = compiled.run_by_index

    def record(index, inputs, outputs):
        seen.append(
            (
                dict(zip(order["inputs"], map(id, inputs), strict=True)),
                dict(zip(order["outputs"], map(id, outputs), strict=True)),
            )
        )
        run(index, inputs, outputs)

    compiled.run_by_index = record
    for frame in video_frames(3, 32, 32, 3):
        runner.step(frame)
    caches = [f"shift_{i:02d}" for i in range(10)]
    assert len(seen) == 3
    for (_, written), (read, _) in itertools.pairwise(seen):
        assert [written[name] for name in caches] == [read[name] for name in caches]


def test_one_of_several_compiled_streams_is_reset(model, tmp_path):
    from export.tflite import export_model

    (path,) = export_model(model, tmp_path, True, num_streams=3)
    frames = video_frames(5, 3, 32, 32, 3)
    runners = [StreamRunner(path, runtime=name) for name in ("ai_edge_litert", "litert")]
    for frame in frames[:4]:
        for runner in runners:
            runner.step(frame)
    for runner in runners:
        runner.reset(stream=1)
    expected, actual = (runner.step(frames[4]) for runner in runners)
    np.testing.assert_array_equal(actual, expected)
    fresh = StreamRunner(path, runtime="litert").step(frames[4])
    np.testing.assert_array_equal(actual[1], fresh[1])
    assert (actual[[0, 2]] != fresh[[0, 2]]).any()


def test_a_runtime_on_the_cpu_has_no_acceleration(online):
    assert RUNTIMES == ("litert", "litert_gpu", "ai_edge_litert", "tflite_runtime", "tensorflow")
    for runtime in ("litert", "ai_edge_litert"):
        runner = StreamRunner(online, runtime=runtime)
        assert (runner.runtime, runner.acceleration) == (runtime, "")
        assert runner.engine.is_fully_accelerated is None


def test_refuses(online, monkeypatch):
    model = read_model(online)
    with refuses("runtime", "litert, litert_gpu, ai_edge_litert", "onnx"):
        load_engine(model, 1, "onnx", "none")
    for runtime in ("litert", "litert_gpu"):
        with refuses("delegate", f"must be none for the runtime {runtime}", "edgetpu"):
            load_engine(model, 1, runtime, "edgetpu")
        with refuses("num_threads", "0"):
            load_engine(model, 0, runtime, "none")
    with refuses("model", "litert can run", "online"):
        compile_model(model._replace(data=model.data[:5000]), 1, "litert")
    for installed in (None, types.ModuleType("an older release")):
        monkeypatch.setitem(sys.modules, MODULE, installed)
        for runtime in ("litert", "litert_gpu"):
            with refuses("runtime", "pip install 'ai-edge-litert>=2.3'", runtime):
                StreamRunner(online, runtime=runtime)


def test_a_missing_gpu_driver_is_one_clear_error(online, tmp_path):
    """In a process of its own: drivers are found once per process."""
    code = f"from export.runtime import StreamRunner; StreamRunner({str(online)!r}, "
    nowhere = {"VK_ICD_FILENAMES": str(tmp_path / "none.json"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code + "runtime='litert_gpu')"],
        capture_output=True,
        text=True,
        env=nowhere,
    )
    assert done.returncode == 1 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "InputError: `runtime` must find a GPU driver" in last and "libvulkan1" in last
    assert "ERROR:" not in done.stderr  # LiteRT's own lines


def test_gpu_streams_like_the_cpu(online):
    require_gpu(online)
    frames = video_frames(32, 32, 32, 3)
    runner = StreamRunner(online, runtime="litert_gpu")
    assert runner.acceleration == "fully accelerated" and runner.engine.is_fully_accelerated
    expected = stream(online, "ai_edge_litert", frames)
    for _ in range(2):
        actual = np.stack([runner.step(frame) for frame in frames])
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-3 * np.abs(expected).max())
        runner.reset()


def test_an_operator_without_gpu_kernel_is_a_warning_and_no_operator_an_error(online, tmp_path):
    require_gpu(online)
    for name, rank, function in (
        ("partly", 5, lambda x: tf.nn.relu(tf.reshape(x, (1, 4, 4, 3)) * 2)),
        ("none", 6, lambda x: tf.math.floormod(x, 3.0)),
    ):
        shape = (*[1] * (rank - 4), 1, 4, 4, 3)

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
        def serve(image, function=function):
            return {"logits": function(image)}

        module = tf.Module()
        tf.saved_model.save(module, tmp_path, {"serving_default": serve.get_concrete_function()})
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path)).convert())
        model = read_model(path)
        if name == "none":
            with refuses("model", "litert_gpu can run", "No operations will run", name):
                compile_model(model, 1, "litert_gpu")
        else:
            with pytest.warns(RuntimeWarning, match="partly.tflite is not fully accelerated: "):
                assert compile_model(model, 1, "litert_gpu")[1] is False


def test_captured_log_restores_the_terminal(capfd):
    with pytest.raises(KeyError), captured_log() as lines:
        subprocess.run(["sh", "-c", "echo out; echo err >&2"], check=True)
        raise KeyError
    assert sorted(lines) == ["err", "out"]
    subprocess.run(["echo", "after"], check=True)
    assert capfd.readouterr().out == "after\n"


def test_images_of_every_type():
    frames = np.array([[0, 1, 127, 128, 255]], np.uint8)
    for dtype, expected in (
        ("float32", [0, 1, 127, 128, 255]),
        ("uint8", [0, 1, 127, 128, 255]),
        ("int8", [-128, -127, -1, 0, 127]),
    ):
        for values in (frames, frames.astype("float64") + 0.25):
            tensor = np.zeros((1, 5), dtype)
            put_image(tensor, values)
            exact = dtype == "float32" and values.dtype == "float64"
            assert tensor.tolist() == [[value + 0.25 * exact for value in expected]]


def test_logits_of_every_type():
    tensor = Tensor("logits", (1, 2), "int8", 0, True, (0.5,), (-3,), 0)
    assert get_values(np.array([[-3, 1]], np.int8), tensor).tolist() == [[0.0, 2.0]]
    values = np.array([[1.5, 2]], np.float32)
    logits = get_values(values, tensor)
    values[:] = 0
    assert logits.tolist() == [[1.5, 2.0]]
