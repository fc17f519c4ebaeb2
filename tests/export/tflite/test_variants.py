"""Quantised files: what users choose, what must hold in the written file, and what they see."""

import json
import subprocess
import sys

import numpy as np
import pytest
from runtimes import ON_CPU, require
from testing import refuses, video_frames
from weights import with_weights

from export.edgetpu.report import check
from export.format.metadata import read_contents, read_spec
from export.format.reader import read_model
from export.parity import keras_logits, prove
from export.runtime import ClipRunner, StreamRunner
from export.sample_clips import SampleClips, drawn_patterns
from export.tflite import VARIANTS, export_model
from export.tflite.draft import Draft
from export.web.model_info import read_model_info
from tsm_tf import ModelSpec, build_model, save_checkpoint

CACHES = [f"shift_{i:02d}" for i in range(10)]


@pytest.fixture(scope="module")
def clips():
    frames = video_frames(6, 5, 32, 32, 3, seed=4)
    return SampleClips(frames, np.arange(6) % 4, "tests")


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    """Every variant of the small online model, by name."""
    folder = tmp_path_factory.mktemp("variants")
    paths = export_model(
        model, folder, True, tuple(v for v in VARIANTS if v != "float32"), num_videos=9
    )
    return {read_contents(path).variant: path for path in paths}


def tensors(path):
    model = read_model(path)
    names = model.signatures[0]
    pick = model.graphs[0].tensors
    return {n: pick[i] for n, i in names.inputs.items()}, {
        n: pick[i] for n, i in names.outputs.items()
    }


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
@pytest.mark.parametrize("runtime", ON_CPU)
@pytest.mark.parametrize("variant", [v for v in VARIANTS if v != "float32"])
def test_streams_as_keras_does(model, files, clips, variant, runtime):
    require(runtime)
    expected = keras_logits(model, clips, True)
    proof = prove(files[variant], clips, expected, runtime)
    bound = {"float16": 0.02, "weight_only": 0.15, "dynamic": 0.15}.get(variant, 0.5) * np.ptp(
        expected
    )
    assert 0 < proof.difference < bound and proof.num_frames == 30 and proof.num_streams == 6
    assert proof.keras_accuracy is not None and proof.agreement >= 5 / 6


@pytest.mark.parametrize("variant", ["int8", "edgetpu"])
def test_caches_are_fed_back_exactly_and_start_at_their_zero(files, variant):
    inputs, outputs = tensors(files[variant])
    initial = read_contents(files[variant]).initial_caches
    assert sorted(initial) == CACHES
    for name in CACHES:
        assert inputs[name].dtype == outputs[name].dtype == "int8"
        assert (inputs[name].scale, inputs[name].zero_point) == (
            outputs[name].scale,
            outputs[name].zero_point,
        )
        assert initial[name] == inputs[name].zero_point[0]
    assert any(initial.values())  # otherwise this test could not tell them from zeros


def test_types_of_image_and_logits(model, files, tmp_path):
    inputs, outputs = tensors(files["int8"])
    assert (inputs["image"].dtype, inputs["image"].scale, inputs["image"].zero_point) == (
        "uint8",
        (1.0,),
        (0,),
    )
    assert outputs["logits"].dtype == "float32"
    inputs, outputs = tensors(files["edgetpu"])
    assert inputs["image"].dtype == outputs["logits"].dtype == "int8"
    (path,) = export_model(
        model, tmp_path, True, ("int8",), image_type="int8", logits_type="int8", num_videos=9
    )
    runners = [StreamRunner(path), StreamRunner(files["int8"])]
    for frame in video_frames(3, 32, 32, 3):
        a, b = (runner.step(frame) for runner in runners)
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32
    runners[1].reset()
    runners[0].reset()
    float_frame = frame.astype(np.float32) + 0.25
    np.testing.assert_array_equal(runners[0].step(float_frame), runners[1].step(frame))


def test_edgetpu_is_mapped_and_linkable(files):
    report = check(files["edgetpu"])
    assert report.is_mapped and not report.link_problems and len(report.links) == 10
    model = read_model(files["edgetpu"])
    # Those of images might stay on the CPU, together with everything after them.
    for operator in model.graphs[0].operators:
        shape = model.graphs[0].tensors[operator.outputs[0]].shape
        assert operator.name != "QUANTIZE" and (operator.name != "RESHAPE" or np.prod(shape) < 100)


def test_caches_of_floats_start_with_zeros(files, online):
    assert read_contents(online).variant == "float32"
    for path in (online, files["float16"]):
        assert set(read_contents(path).initial_caches.values()) == {0}


def test_several_streams_do_not_touch_each_other(model, online, tmp_path):
    (path,) = export_model(model, tmp_path, True, num_streams=3)
    runner, alone = StreamRunner(path), StreamRunner(online)
    frames = video_frames(4, 3, 32, 32, 3, seed=7)
    together = np.stack([runner.step(batch) for batch in frames])
    assert together.shape == (4, 3, 4)
    for stream in range(3):
        alone.reset()
        np.testing.assert_allclose(
            [alone.step(batch[stream]) for batch in frames], together[:, stream], atol=1e-5
        )
    runner.reset(stream=1)
    after = runner.step(frames[0])
    np.testing.assert_allclose(after[1], together[0, 1], atol=1e-5)
    assert np.abs(after[[0, 2]] - together[0, [0, 2]]).max() > 1e-4
    with refuses("frame", "(3, 32, 32, 3)", "(32, 32, 3)"):
        runner.step(frames[0, 0])
    with refuses("model", "must have one stream", "which has 3"):  # the page for browsers
        read_model_info(path)


def test_int8_of_several_streams(model, tmp_path):
    (path,) = export_model(model, tmp_path, True, ("int8",), num_streams=2, num_videos=9)
    runner = StreamRunner(path)
    frame = video_frames(2, 32, 32, 3)
    first = runner.step(frame)
    runner.step(frame)
    runner.reset()
    np.testing.assert_array_equal(runner.step(frame), first)


def test_int8_clip(model, tmp_path):
    spec = model.spec.replace(shift_mode="bidirectional")
    bidirectional = with_weights(build_model(spec))
    (path,) = export_model(bidirectional, tmp_path, False, ("int8",), num_videos=9)
    names = [operator.name for operator in read_model(path).graphs[0].operators]
    assert names.count("QUANTIZE") == names.count("DEQUANTIZE") == 1  # the shifts round nothing
    clips = drawn_patterns(spec, 6, 4)
    proof = prove(path, clips, keras_logits(bidirectional, clips, False))
    assert proof.agreement >= 5 / 6 and proof.num_frames == 24
    assert ClipRunner(path)(clips.frames[0]).shape == (4,)


def test_a_scale_that_would_abort_the_interpreter_is_refused(files, tmp_path):
    """tflite-runtime and LiteRT abort the process."""
    file = read_model(files["int8"])
    index = next(
        operator.outputs[0] for operator in file.graphs[0].operators if operator.name == "ADD"
    )
    path = tmp_path / "small_scale.tflite"
    content = with_another_scale(bytes(file.data), index, 1e-10)
    path.write_bytes(Draft(content).seal(read_spec(files["int8"]), "int8"))
    with refuses("model", "safe to run", "an operator ADD", "scale is too small"):
        StreamRunner(path)


def with_another_scale(content, index, scale=0.5):
    from tensorflow.lite.tools import flatbuffer_utils

    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    tree.subgraphs[0].tensors[index].quantization.scale = [scale]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def test_several_frames_per_step(model, online, tmp_path):
    """Each step equals as many single steps, also in int8 and for several streams."""
    frames = video_frames(12, 2, 32, 32, 3, seed=7)
    alone = StreamRunner(online)
    expected = []
    for stream in range(2):
        alone.reset()
        expected.append([alone.step(frame) for frame in frames[:, stream]])
    expected = np.stack(expected, axis=1)

    for name, options, shape in (
        ("one", {"frames_per_step": 4}, (4, 32, 32, 3)),
        ("two", {"frames_per_step": 3, "num_streams": 2}, (3, 2, 32, 32, 3)),
    ):
        (path,) = export_model(model, tmp_path / name, True, **options)
        runner = StreamRunner(path)
        assert (runner.shape, runner.receptive_field) == (shape, 11)
        assert (runner.frames_per_step, runner.num_streams) == (shape[0], len(shape) - 3)
        used = frames if name == "two" else frames[:, 0]
        actual = [runner.step(chunk) for chunk in used.reshape(-1, *shape)]
        assert actual[0].shape == (*shape[:-3], 4) and actual[0].dtype == np.float32
        np.testing.assert_allclose(
            np.concatenate(actual),
            expected if name == "two" else expected[:, 0],
            atol=1e-5,
        )
    runner.reset(stream=1)
    after = runner.step(frames[:3])
    np.testing.assert_allclose(after[:, 1], expected[:3, 1], atol=1e-5)
    assert np.abs(after[:, 0] - expected[:3, 0]).max() > 1e-4
    with refuses("frame", "(3, 2, 32, 32, 3)", "(2, 32, 32, 3)"):
        runner.step(frames[0])

    (path,) = export_model(
        model, tmp_path / "int8", True, ("int8",), frames_per_step=3, num_videos=9
    )
    clips = SampleClips(frames[None, :11, 0], None, "tests")  # 11 frames are no whole steps
    proof = prove(path, clips, keras_logits(model, clips, True))
    assert proof.difference < 0.5 * np.ptp(expected) and proof.num_frames == 11


def test_clips_with_and_without_a_batch_axis(model, clip, tmp_path):
    (path,) = export_model(model, tmp_path, False, batch_axis=True)
    shapes = [tensors(file)[0]["image"].shape for file in (path, clip)]
    assert shapes == [(1, 4, 32, 32, 3), (4, 32, 32, 3)]
    frames = video_frames(4, 32, 32, 3)
    np.testing.assert_array_equal(ClipRunner(path)(frames), ClipRunner(clip)(frames))
    assert [read_contents(file).is_online for file in (path, clip)] == [False, False]
    with refuses("batch_axis", "omitted for an online model"):
        export_model(model, tmp_path / "online", True, batch_axis=True)


def test_sizes(online, files):
    sizes = {name: path.stat().st_size / online.stat().st_size for name, path in files.items()}
    assert (
        sizes["float16"] < 0.6 and sizes["int8"] < sizes["float16"]
    )  # at width 0.35 and 4 classes; see `make bench`


def test_refuses_before_work(model, tmp_path):
    for variants in (("float32", "int4"), (), ("int8", "int8")):
        with refuses("variants", "float32, float16, weight_only, dynamic, int8, edgetpu"):
            export_model(model, tmp_path, True, variants)
    for name in ("num_streams", "frames_per_step"):
        with refuses(name, "--online"):
            export_model(model, tmp_path, False, **{name: 2})
    with refuses("num_streams", "at least 1", "0"):
        export_model(model, tmp_path, True, num_streams=0)
    with refuses("image_type", "uint8, int8", "float32"):
        export_model(model, tmp_path, True, ("int8",), image_type="float32")
    with refuses("keep_float", "regular expression", "("):
        export_model(model, tmp_path, True, ("int8",), keep_float="(")
    with refuses("keep_float", "in the name of a layer", "features_0_0", "head", "classifier"):
        export_model(model, tmp_path, True, ("int8",), keep_float="classifier")
    with refuses("keep_float", "omitted unless", "weight_only, dynamic, int8", "head"):
        export_model(model, tmp_path, True, ("float32", "float16"), keep_float="head")
    flow = build_model(
        ModelSpec(modality="flow", num_classes=2, input_size=32, width=0.35, num_segments=2)
    )
    with refuses("variants", "flow"):
        export_model(flow, tmp_path, True, ("int8",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_commands(model, tmp_path, gestures):
    """Exports with videos, reads the card, and repeats the comparison."""
    spec = model.spec.replace(
        num_classes=9, labels=tuple((gestures / "labels.txt").read_text().splitlines())
    )
    save_checkpoint(with_weights(build_model(spec)), tmp_path / "checkpoint")
    output = tmp_path / "exported"
    common = (f"--checkpoint={tmp_path / 'checkpoint'}", f"--data={gestures}")
    text = run(
        "export.tflite",
        "--online",
        "--variants=float32,int8",
        "--num_videos=4",
        f"--output={output}",
        *common,
    )
    assert "model_card.html" in text and "4 streams" in text and "top-1" in text
    card = json.loads((output / "model_card.json").read_text())
    files = {file["variant"]: file for file in card["files"]}
    assert (
        files["float32"]["difference"] < 1e-4
        and files["float32"]["accuracy"] == files["float32"]["keras_accuracy"]
    )
    assert "train.txt" in files["int8"]["calibration"] and files["float32"]["calibration"] is None
    assert files["int8"]["latency"][0]["ratio"] > 0
    path = output / "mobilenet_v2_online_float32.tflite"
    assert read_spec(path) == spec
    text = run("export.parity", f"--model={path}", *common, "--num_videos=3")
    assert "float32" in text and "100.0% of 3 streams" in text


def run(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
