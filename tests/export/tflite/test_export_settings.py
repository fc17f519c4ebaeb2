import json

import pytest
from testing import refuses

from export.tflite.export_settings import (
    CALIBRATED,
    VARIANTS,
    ExportSettings,
    output_paths,
    read_card_files,
)
from tsm_tf import ModelSpec

SPEC = ModelSpec(num_classes=2, input_size=32, width=0.35)


@pytest.mark.parametrize(
    "changes, argument, rule",
    [
        ({"num_streams": 0}, "num_streams", "at least 1"),
        ({"num_videos": 0}, "num_videos", "at least 1"),
        ({"online": False, "num_streams": 2}, "num_streams", "--online"),
        ({"image_type": "float32"}, "image_type", "uint8, int8"),
        ({"logits_type": "uint8"}, "logits_type", "float32, int8"),
    ],
)
def test_refuses_settings(changes, argument, rule):
    with refuses(argument, rule):
        ExportSettings(**{"online": True, **changes})


def test_paths_name_backbone_kind_and_variant(tmp_path):
    names = [path.name for path in output_paths(SPEC, tmp_path / "o", VARIANTS[:2], True)]
    assert names == ["mobilenet_v2_online_float32.tflite", "mobilenet_v2_online_float16.tflite"]
    keras = ModelSpec(backbone="keras:MobileNetV3Small", num_classes=2)
    (path,) = output_paths(keras, tmp_path, ("int8",), False)
    assert path == tmp_path / "MobileNetV3Small_clip_int8.tflite"
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("variants", [(), ("float32", "int4"), ("int8", "int8")])
def test_refuses_variants(tmp_path, variants):
    with refuses("variants", ", ".join(VARIANTS)):
        output_paths(SPEC, tmp_path, variants, True)


def test_refuses_models(tmp_path):
    with refuses("shift_mode", "to stream"):
        output_paths(SPEC.replace(shift_mode="bidirectional"), tmp_path, ("float32",), True)
    with_boxes = ModelSpec("i3d_r50_gcn", num_segments=4)
    for online in (True, False):
        with refuses("backbone", "takes no boxes", "to be exported", "i3d_r50_gcn"):
            output_paths(with_boxes, tmp_path, ("float32",), online)
    flow = SPEC.replace(modality="flow", mean=None, std=None)
    for variant in CALIBRATED:
        with refuses("variants", "flow", variant):
            output_paths(flow, tmp_path, ("float32", variant), True)
    assert output_paths(flow, tmp_path, ("float32",), True)


def test_refuses_folders(tmp_path):
    (tmp_path / "file").touch()
    with refuses("output", "must be a folder", "file"):
        output_paths(SPEC, tmp_path / "file", ("float32",), True)
    (tmp_path / "mobilenet_v2_online_float32.tflite").touch()
    with refuses("output", "mobilenet_v2_online_float32.tflite, which would be lost"):
        output_paths(SPEC, tmp_path, ("float16", "float32"), True)
    assert output_paths(SPEC, tmp_path, ("float32",), False)


def test_reads_the_files_of_a_card(tmp_path):
    assert read_card_files(tmp_path, SPEC) == []
    (tmp_path / "a.tflite").touch()
    card = {
        "spec": json.loads(SPEC.to_json()),
        "files": [{"file": "a.tflite", "bytes": 3}, {"file": "gone.tflite"}],
    }
    (tmp_path / "model_card.json").write_text(json.dumps(card))
    assert read_card_files(tmp_path, SPEC) == [{"file": "a.tflite", "bytes": 3}]
    with refuses("output", "has the same spec"):
        output_paths(SPEC.replace(num_classes=3), tmp_path, ("float32",), True)

    (tmp_path / "a.tflite").unlink()
    assert read_card_files(tmp_path, SPEC.replace(num_classes=3)) == []
    (tmp_path / "model_card.json").write_text(json.dumps({"files": []}))
    with refuses("output", "readable model_card.json", "'spec'"):
        read_card_files(tmp_path, SPEC)
