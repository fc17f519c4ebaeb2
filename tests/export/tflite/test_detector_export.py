"""The export of detectors; covers their part of `convert`, `keep_float`, `draft` and `card`."""

import json

import keras
import pytest
from annotated_data import write_published
from detectors import awaken, small_spec
from runtimes import ON_CPU, require
from testing import refuses, run_main, video_frames

from export import parity
from export.format.flatbuffer import Table
from export.format.metadata import DETECTIONS, read_contents
from export.format.reader import parse_model, read_model
from export.runtime import StreamRunner
from export.tflite import __main__ as command
from export.tflite import export_model
from export.tflite.export_settings import OF_DETECTORS, VARIANTS
from export.tflite.keep_float import find_box_operators
from tsm_tf.detection.checkpoint import save_detector
from tsm_tf.detection.rfcn import build_detector

LAST = {"object_conv", "delta_conv", "class_conv", "box_conv"}


def test_what_stays_in_float32(detector_file):
    """The last four convolutions and all behind them, and no operator of a cache."""
    content = detector_file.read_bytes()
    graph, kept = parse_model(content).graphs[0], set(find_box_operators(content))
    made = {";".join(graph.tensors[i].name for i in op.outputs): op for op in graph.operators}
    assert kept <= made.keys()
    convolutions = [name for name in kept if made[name].name == "CONV_2D"]
    assert len(convolutions) == 4
    assert all(any(layer in name for name in convolutions) for layer in LAST)
    names = {made[name].name for name in kept}
    assert {"NON_MAX_SUPPRESSION_V4", "TOPK_V2", "BATCH_MATMUL", "UNPACK"} <= names

    outputs = parse_model(content).signature.outputs
    caches = {graph.tensors[i].name for name, i in outputs.items() if name not in DETECTIONS}
    assert caches and not kept & caches


@pytest.mark.parametrize(
    ("argument", "settings"),
    [
        ("online", {"online": False}),
        ("variants", {"variants": ("float32", "edgetpu")}),
        ("num_streams", {"num_streams": 2}),
        ("frames_per_step", {"frames_per_step": 2}),
        ("gpu_friendly", {"gpu_friendly": True}),
        ("logits_type", {"logits_type": "int8", "variants": ("int8",)}),
    ],
)
def test_refuses_what_detectors_cannot_have(detector, tmp_path, argument, settings):
    with refuses(argument, "must"):
        export_model(detector, tmp_path / "out", **{"online": True, **settings})
    assert not (tmp_path / "out").exists()
    assert set(OF_DETECTORS) < set(VARIANTS)


def test_offline_detectors_are_refused(tmp_path):
    model = build_detector(small_spec(shift_mode="bidirectional"))
    with refuses("shift_mode", "must not be bidirectional"):
        export_model(model, tmp_path, online=True)


def test_standard_metadata_is_that_of_detectors(detector_file):
    data = read_model(detector_file).metadata["TFLITE_METADATA"].tobytes()
    (subgraph,) = Table.root(memoryview(data)).tables(3)
    image = next(tensor for tensor in subgraph.tables(2) if tensor.text(0) == "image")
    size = image.table(3).table(1).table(1)
    assert [size.number(field, "I") for field in (0, 1)] == [64, 48]

    location, category, score, count, *caches = subgraph.tables(3)
    names = [tensor.text(0) for tensor in (location, category, score, count)]
    assert names == ["location", "category", "score", "number of detections"]
    assert {tensor.text(0)[:6] for tensor in caches} == {"shift_"}

    content = location.table(3)
    assert content.number(0, "B") == 3  # BoundingBoxProperties
    box = content.table(1)
    assert box.array(0, "<u4").tolist() == [1, 0, 3, 2]
    assert (box.number(1, "b"), box.number(2, "b")) == (1, 0)  # BOUNDARIES, RATIO
    (labels,) = category.tables(6)
    assert (labels.text(0), labels.number(2, "b")) == ("labels.txt", 3)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["average", "align"])
def test_every_variant_on_every_runtime(tmp_path, pooling):
    """A detector without a shift, and one with every anchor as a candidate."""
    keras.utils.set_random_seed(0)
    mode = "none" if pooling == "align" else "unidirectional"
    model = awaken(build_detector(small_spec(pooling=pooling, shift_mode=mode)))
    paths = export_model(model, tmp_path, True, OF_DETECTORS, num_videos=4)
    frames = video_frames(4, 48, 64, 3)
    for path, variant in zip(paths, OF_DETECTORS, strict=True):
        assert path.name == f"resnet_small_rfcn_online_{variant}.tflite"
        inputs, outputs = read_contents(path).model.interface()
        assert {outputs[name].dtype for name in DETECTIONS} == {"float32"}
        assert inputs["image"].dtype == ("uint8" if variant == "int8" else "float32")
        caches = {tensor.dtype for name, tensor in inputs.items() if name != "image"}
        assert caches <= {"int8" if variant == "int8" else "float32"}
        operators = read_contents(path).model.graphs[0].operators
        assert not {"QUANTIZE"} & {op.name for op in operators[-20:]}

        for runtime in ON_CPU:
            require(runtime)
            runner = StreamRunner(path, runtime=runtime)
            assert all(len(runner.step(frame).scores) > 1 for frame in frames)


@pytest.mark.slow
def test_borders_in_float32(detector, tmp_path):
    (path,) = export_model(detector, tmp_path, True, ("int8",), num_videos=4, float_borders=True)
    inputs, outputs = read_contents(path).model.interface()
    assert {tensor.dtype for tensor in (*inputs.values(), *outputs.values())} == {"float32"}
    assert len(StreamRunner(path).step(video_frames(48, 64, 3)).scores) > 1


@pytest.mark.slow
def test_the_commands_with_a_checkpoint(detector, tmp_path, capsys):
    """With annotated videos for the calibration and the comparison."""
    data = write_published(tmp_path / "data")
    labels = tmp_path / "data" / "labels.txt"
    labels.write_text("\n".join(f"n{number:08d}" for number in range(30)))
    save_detector(detector, tmp_path / "checkpoint")
    arguments = [f"--checkpoint={tmp_path / 'checkpoint'}", f"--output={tmp_path / 'out'}"]
    run_main(command, "--online", *arguments, f"--data={data}", "--variants=int8,float32")

    card = json.loads((tmp_path / "out" / "model_card.json").read_text())
    assert card["spec"] == json.loads(detector.spec.to_json())
    by_variant = {file["variant"]: file for file in card["files"]}
    assert by_variant["float32"]["difference"] < 1e-4
    assert by_variant["int8"]["calibration"].startswith("5 videos from train in")
    assert by_variant["int8"]["num_streams"] == 2
    page = (tmp_path / "out" / "model_card.html").read_text()
    assert "finds of Keras" in page and "top-1" not in page and "64×48" in page

    with refuses("online", "must be given"):
        run_main(command, arguments[0], f"--output={tmp_path / 'other'}")

    file = tmp_path / "out" / "resnet_small_rfcn_online_float32.tflite"
    run_main(parity, f"--model={file}", arguments[0], f"--data={data}")
    assert "detections in 6 frames differ from Keras by at most" in capsys.readouterr().out
    save_detector(build_detector(detector.spec.replace(fps=9.0)), tmp_path / "other")
    with refuses("checkpoint", "must be the one that the model was made from"):
        run_main(parity, f"--model={file}", f"--checkpoint={tmp_path / 'other'}", f"--data={data}")
