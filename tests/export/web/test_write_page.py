"""The command `python -m export.web`: what it writes, and the files that it refuses."""

import json
import zlib

import pytest
from detector_files import SPEC
from testing import refuses, run_main

from export.tflite.convert import convert
from export.tflite.draft import Draft
from export.web import __main__ as command
from export.web.model_info import read_model_info
from export.web.write_page import write_page
from tsm_tf.event_rules import EventRules


def with_spec(path, output, **changes):
    """A copy of a file whose metadata differs."""
    from export.format.metadata import read_spec

    output.write_bytes(Draft(path.read_bytes()).seal(read_spec(path).replace(**changes)))
    return output


def test_model_json_is_what_the_file_says(online, tmp_path):
    rules = EventRules(0.5, 0.75, 0.25, 0.125, 1.0)
    path = with_spec(
        online, tmp_path / "a.tflite", background=("c", "a"), events=rules, crop_pct=0.5
    )
    content = path.read_bytes()
    assert read_model_info(path) == {
        "kind": "classifier",
        "file": "a.tflite",
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "variant": "float32",
        "backbone": "mobilenet_v2",
        "labels": ["a", "b", "c", "ü"],
        "background": [0, 2],
        "input_size": 32,
        "short_side": 64,
        "fps": 5.0,
        "multi_label": False,
        "thresholds": [],
        "events": {
            "smoothing_seconds": 0.5,
            "open_probability": 0.75,
            "close_probability": 0.25,
            "min_seconds": 0.125,
            "refractory_seconds": 1.0,
        },
    }


def test_model_json_of_a_detector(detector):
    content = detector.read_bytes()
    assert read_model_info(detector) == {
        "kind": "detector",
        "file": "detector.tflite",
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "variant": "float32",
        "backbone": "resnet_small",
        "labels": ["ring", "cross", "ü"],
        "fps": 5.0,
        "input_height": 64,
        "input_width": 96,
        "padding": [123, 116, 103],
        "shown_score": 0.5,
        "colors": [[31, 119, 180], [255, 127, 14], [44, 160, 44]],
    }


@pytest.mark.parametrize(
    ("changes", "argument", "rule"),
    [
        ({"method": "fgfa", "shift_mode": "none"}, "method", "must be rfcn to stream: fgfa needs"),
        ({"shift_mode": "bidirectional"}, "shift_mode", "must not be bidirectional to stream"),
    ],
)
def test_refuses_detectors_that_need_later_frames(detector, tmp_path, changes, argument, rule):
    """Such as files whose spec was changed by hand; the export writes none."""
    path = with_spec(detector, tmp_path / "later.tflite", **changes)
    with refuses(argument, rule):
        read_model_info(path)


def test_refuses_a_detector_that_is_not_one(online, tmp_path):
    """Its spec and its outputs contradict each other."""
    path = tmp_path / "model.tflite"
    path.write_bytes(Draft(online.read_bytes()).seal(SPEC, "float32"))
    with refuses(
        "model", "must return each cache that it takes, and boxes, classes, count, scores"
    ):
        read_model_info(path)


def test_defaults_are_written_out(online, tmp_path):
    """The page knows no defaults of its own."""
    several = with_spec(
        online, tmp_path / "several.tflite", multi_label=True, labels=None, fps=None
    )
    info = read_model_info(several)
    assert info["multi_label"] and info["thresholds"] == [0.5] * 4 and info["fps"] is None
    assert info["labels"] == ["0", "1", "2", "3"] and info["background"] == []
    assert info["events"]["smoothing_seconds"] == 0.2


def test_writes_a_folder(online, tmp_path):
    """The page, the model and its card; what a killed process left behind is removed."""
    model = tmp_path / "model" / online.name
    model.parent.mkdir()
    model.write_bytes(online.read_bytes())
    output = tmp_path / "web"
    (output / ".writing.x" / "js").mkdir(parents=True)
    write_page(model, output, [], note="<b>")
    info = json.loads((output / "model" / "model.json").read_text())
    assert (info["card"], info["sample"], info["note"]) == (None, None, "<b>")
    names = {"icon.svg", "index.html", "js", "model", "style.css"}
    assert {path.name for path in output.iterdir()} == names
    assert (output / "model" / online.name).read_bytes() == online.read_bytes()

    (model.parent / "model_card.html").write_text("card")
    sample = tmp_path / "v.mp4"
    sample.write_bytes(b"video")
    write_page(model, tmp_path / "second", [], sample)
    info = json.loads((tmp_path / "second" / "model" / "model.json").read_text())
    assert (info["card"], info["sample"], info["note"]) == ("model_card.html", "v.mp4", None)
    assert (tmp_path / "second" / "model" / "model_card.html").read_text() == "card"
    assert (tmp_path / "second" / "model" / "v.mp4").read_bytes() == b"video"


def test_refuses_what_the_page_cannot_run(online, clip, int8, tmp_path):
    """One error each, and nothing is downloaded or written."""
    output = tmp_path / "web"

    def refused(model, *parts):
        with refuses("model", *parts):
            run_main(command, f"--model={model}", f"--output={output}")
        assert not output.exists()

    refused(clip, "must take one frame at a time", "--online", "which takes clips")
    refused(int8, "LiteRT.js has no int8 tensors", "--float_borders", "which has int8")
    text = tmp_path / "text.tflite"
    text.write_text("text")
    refused(text, "must be a TFLite file")
    damaged = tmp_path / "damaged.tflite"
    content = bytearray(online.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    refused(damaged, "its checksum differs")
    refused(tmp_path / "none.tflite", "must be an existing file")


@pytest.mark.parametrize(
    "options, rule",
    [
        ({"frames_per_step": 2}, "without --frames_per_step"),
        ({"num_streams": 2}, "must have one stream"),
    ],
)
def test_refuses_several_frames_and_streams(model, tmp_path, options, rule):
    path = tmp_path / "model.tflite"
    draft = Draft(convert(model, online=True, **options))
    path.write_bytes(draft.seal(model.spec, "float32"))
    with refuses("model", rule, "model.tflite, which"):
        read_model_info(path)


def test_refuses_other_bad_input(online, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with refuses("output", "must be a new or empty folder"):
        run_main(command, f"--model={online}", f"--output={tmp_path / 'full'}")
    with refuses("litert", "must be a folder with litertjs-core-"):
        run_main(command, f"--model={online}", f"--output={tmp_path / 'w'}", f"--litert={tmp_path}")
    with refuses("sample", "must be an existing video"):
        write_page(online, tmp_path / "w", [], tmp_path / "none.mp4")
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_the_command_says_how_to_see_it(online, archives, tmp_path, capsys):
    litert = archives[0].parent
    run_main(command, f"--model={online}", f"--output={tmp_path / 'w'}", f"--litert={litert}")
    out = capsys.readouterr().out
    assert f"python -m http.server --directory={tmp_path / 'w'}" in out
    assert (tmp_path / "w" / "litert" / "core" / "wasm" / "litert_wasm_internal.wasm").is_file()
