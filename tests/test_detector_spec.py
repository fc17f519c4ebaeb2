import json

import pytest
from testing import refuses

from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.spec import ModelSpec


def test_round_trip_through_json():
    spec = DetectorSpec(
        backbone="mobilenet_v2",
        width=0.5,
        num_classes=2,
        labels=["cat", "Löwe"],
        input_height=320,
        input_width=512,
        shift_mode="none",
        anchor_scales=[4, 8],
        anchor_ratios=[0.5],
        fps=12.5,
    )
    assert DetectorSpec.from_json(spec.to_json()) == spec and hash(spec)
    assert spec.num_anchors == 2 and spec.map_size == (20, 32)
    assert json.loads(spec.to_json())["kind"] == "detector"


def test_the_two_kinds_of_specs_refuse_each_other():
    with refuses("spec", "must describe a classifier", "detector"):
        ModelSpec.from_json(DetectorSpec().to_json())
    with refuses("spec", "must describe a detector", "classifier"):
        DetectorSpec.from_json(ModelSpec().to_json())
    with refuses("DetectorSpec", "has the keys", "['colour']"):
        DetectorSpec.from_json('{"kind": "detector", "colour": 1}')


def test_defaults_are_those_of_the_paper():
    spec = DetectorSpec()
    assert spec.map_size == (38, 63) and spec.num_anchors == 9
    assert tuple(255 * x for x in spec.mean) == pytest.approx((123.15, 115.90, 103.06))
    assert tuple(255 * x for x in spec.std) == pytest.approx((1, 1, 1))


def test_another_backbone_brings_its_normalisation():
    spec = DetectorSpec().replace(backbone="resnet50")
    assert spec.mean == (0.485, 0.456, 0.406)
    assert spec.replace(num_classes=3).mean == spec.mean
    own = spec.replace(backbone="resnet18", mean=(0.5, 0.5, 0.5))
    assert own.mean == (0.5, 0.5, 0.5)


def test_the_network_has_the_fields_of_its_spec():
    spec = DetectorSpec("mobilenet_v2", width=0.35, shift_div=4, input_height=96, input_width=64)
    network = spec.network_spec()
    assert (network.width, network.shift_div, network.input_size) == (0.35, 4, 96)


def test_what_can_stream():
    DetectorSpec().check_streamable()
    DetectorSpec(shift_mode="none").check_streamable()
    with refuses("shift_mode", "must not be bidirectional"):
        DetectorSpec(shift_mode="bidirectional").check_streamable()
    with refuses("method", "must be rfcn to stream"):
        DetectorSpec(method="fgfa", shift_mode="none", num_segments=3).check_streamable()


@pytest.mark.parametrize(
    ("argument", "values", "rule"),
    [
        ("backbone", {"backbone": "vgg"}, "mobilenet_v2"),
        ("backbone", {"backbone": "x3d_s", "shift_mode": "none"}, "network of frames"),
        ("num_classes", {"num_classes": 0}, "from 1 to"),
        ("input_height", {"input_height": 16}, "from 32"),
        ("input_width", {"input_width": 600.0}, "integer"),
        ("bins", {"bins": True}, "integer"),
        ("feature_stride", {"feature_stride": 12}, "one of 8, 16"),
        ("detector_channels", {"detector_channels": 7}, "even"),
        ("anchor_scales", {"anchor_scales": [0]}, "one or more numbers"),
        ("anchor_ratios", {"anchor_ratios": 1}, "list"),
        ("anchor_ratios", {"anchor_ratios": ["1"]}, "numbers"),
        ("score_threshold", {"score_threshold": float("nan")}, "from 0 to 1"),
        ("pooling", {"pooling": "max"}, "average, align"),
        ("method", {"method": "dff"}, "rfcn, fgfa"),
        ("shift_mode", {"method": "fgfa"}, "none for fgfa"),
        ("labels", {"labels": ["a"]}, "num_classes=30"),
        ("mean", {"mean": [0.5]}, "3 values"),
        ("width", {"width": 0.5}, "no such option"),
        ("fps", {"fps": 0}, "a number from"),
    ],
)
def test_refused(argument, values, rule):
    with refuses(argument, rule):
        DetectorSpec(**values)
