import json

import pytest
from testing import refuses

from tsm_tf.spec import NARROWEST_SHIFT, ModelSpec, round_channels


def test_round_trip_through_json():
    spec = ModelSpec(
        backbone="resnet50",
        num_classes=2,
        labels=["auf", "zu"],
        shift_mode="bidirectional",
        fps=12.5,
        temporal_pool=True,
    )
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert spec.labels == ("auf", "zu") and hash(spec)
    assert set(json.loads(spec.to_json())) == set(ModelSpec.__dataclass_fields__)


def test_modality_decides_channels_and_normalisation():
    assert ModelSpec().channels == 3 and ModelSpec().std == (0.229, 0.224, 0.225)
    flow = ModelSpec(modality="flow")
    assert flow.channels == 10 and flow.mean == (0.5,) * 10
    assert ModelSpec(mean=(0, 0, 0), std=(1, 1, 1)).std == (1, 1, 1)


def test_short_side_follows_the_papers_256_to_224():
    assert ModelSpec().short_side == 256 and ModelSpec(input_size=64).short_side == 73


@pytest.mark.parametrize(
    "channels, expected",
    [(32 * 0.35, 16), (24 * 0.35, 8), (16 * 0.5, 8), (32, 32), (18, 24), (60, 64)],
)
def test_round_channels(channels, expected):
    assert round_channels(channels) == expected


@pytest.mark.parametrize(
    "argument, values, rule",
    [
        ("backbone", {"backbone": "vgg"}, "mobilenet_v2"),
        ("num_classes", {"num_classes": 0}, "at least 1"),
        ("num_segments", {"num_segments": 2.5}, "integer"),
        ("num_segments", {"num_segments": True}, "integer"),
        ("input_size", {"input_size": 16}, "at least 32"),
        ("width", {"width": 0}, "positive"),
        ("width", {"width": float("nan")}, "positive"),
        ("width", {"backbone": "resnet50", "width": 0.5}, "1.0"),
        ("shift_mode", {"shift_mode": "both"}, "bidirectional, unidirectional, none"),
        ("shift_div", {"shift_div": 0}, "at least 1"),
        ("shift_div", {"shift_div": 25}, "24"),
        ("shift_div", {"shift_div": 9, "width": 0.35}, "8"),
        ("shift_div", {"shift_div": 1, "shift_mode": "bidirectional"}, "at least 2"),
        ("shift_place", {"shift_place": "residual"}, "blockres, block"),
        ("modality", {"modality": "depth"}, "rgb, flow"),
        ("non_local", {"non_local": True}, "resnet50"),
        ("non_local", {"non_local": 1}, "true or false"),
        ("non_local", {"backbone": "resnet18", "non_local": True}, "resnet50"),
        ("temporal_pool", {"temporal_pool": True}, "mobilenet_v2"),
        (
            "num_segments",
            {"backbone": "resnet50", "temporal_pool": True, "num_segments": 5},
            "even",
        ),
        ("dropout", {"dropout": 1.0}, "below 1"),
        ("fps", {"fps": 0}, "positive"),
        ("labels", {"num_classes": 3, "labels": ("a", "b")}, "num_classes=3"),
        ("labels", {"num_classes": 2, "labels": ("a", "a")}, "differ"),
        ("labels", {"num_classes": 2, "labels": ("a", "")}, "empty"),
        ("mean", {"mean": (0.5,)}, "3 values"),
        ("std", {"std": (0, 1, 1)}, "positive"),
        ("backbone", {"backbone": []}, "mobilenet_v2"),
        ("labels", {"labels": 5}, "list"),
        ("mean", {"mean": "abc"}, "list"),
    ],
)
def test_refuses_what_cannot_be_built(argument, values, rule):
    with refuses(argument, rule, "Received: "):
        ModelSpec(**values)


def test_refuses_json_that_is_no_spec():
    with refuses("ModelSpec", "num_segments", "['segments']"):
        ModelSpec.from_json('{"segments": 8}')
    with refuses("spec", "JSON"):
        ModelSpec.from_json("{")
    with refuses("spec", "object"):
        ModelSpec.from_json("[1]")
    with refuses("ModelSpec", "['colour']"):
        ModelSpec().replace(colour="red")


@pytest.mark.parametrize(
    "argument, values",
    [
        ("shift_mode", {"shift_mode": "bidirectional"}),
        ("non_local", {"backbone": "resnet50", "non_local": True}),
        ("temporal_pool", {"backbone": "resnet50", "temporal_pool": True}),
    ],
)
def test_refuses_to_stream(argument, values):
    with refuses(argument, "to stream"):
        ModelSpec(**values).check_streamable()


@pytest.mark.parametrize("backbone", NARROWEST_SHIFT)
@pytest.mark.parametrize("width", [1.0, 0.35])
def test_narrowest_shift_is_the_built_models(backbone, width):
    from tsm_tf import build_model

    if backbone != "mobilenet_v2" and width != 1:
        pytest.skip("ResNets have no width")
    model = build_model(ModelSpec(backbone=backbone, width=width, input_size=32, num_segments=1))
    narrowest = min(
        layer.input.shape[-1] for layer in model.layers if layer.name.startswith("shift_")
    )
    assert narrowest == round_channels(NARROWEST_SHIFT[backbone] * width)
