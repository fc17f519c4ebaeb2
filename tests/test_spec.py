import json

import pytest
from testing import refuses

from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec


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
    # Older versions read the specs of models without several classes per video, and without
    # temporal relations.
    fields = set(ModelSpec.__dataclass_fields__) - {"multi_label", "thresholds"}
    fields -= {"consensus", "relations"}
    assert set(json.loads(spec.to_json())) == fields


def test_multi_label_specs():
    spec = ModelSpec(num_classes=2, multi_label=True)
    assert spec.class_thresholds == (0.5, 0.5)
    assert ModelSpec.from_json(spec.to_json()) == spec
    fitted = spec.replace(thresholds=[0.2, 1])
    assert fitted.class_thresholds == fitted.thresholds == (0.2, 1)
    assert json.loads(fitted.to_json())["thresholds"] == [0.2, 1]
    assert ModelSpec.from_json(fitted.to_json()) == fitted and hash(fitted)
    fields = set(ModelSpec.__dataclass_fields__) - {"consensus", "relations"}
    assert set(json.loads(fitted.to_json())) == fields


def test_modality_decides_channels_and_normalisation():
    assert ModelSpec().channels == 3 and ModelSpec().std == (0.229, 0.224, 0.225)
    flow = ModelSpec(modality="flow")
    assert flow.channels == 10 and flow.mean == (0.5,) * 10
    assert ModelSpec(mean=(0, 0, 0), std=(1, 1, 1)).std == (1, 1, 1)


def test_short_side_follows_the_papers_256_to_224():
    assert ModelSpec().short_side == 256 and ModelSpec(input_size=64).short_side == 73


@pytest.mark.parametrize(
    "argument, values, rule",
    [
        ("backbone", {"backbone": "vgg"}, "mobilenet_v2"),
        ("num_classes", {"num_classes": 0}, "from 1 to 100000"),
        ("num_classes", {"num_classes": 10**9}, "from 1 to 100000"),
        ("num_segments", {"num_segments": 10**9}, "from 1 to 65536"),
        ("num_segments", {"num_segments": 2.5}, "integer"),
        ("num_segments", {"num_segments": True}, "integer"),
        ("input_size", {"input_size": 16}, "from 32 to 4096"),
        ("input_size", {"input_size": 10**9}, "from 32 to 4096"),
        ("width", {"width": 0}, "from 0.01 to 16"),
        ("width", {"width": 10**400}, "from 0.01 to 16"),
        ("width", {"width": float("nan")}, "from 0.01 to 16"),
        ("width", {"backbone": "resnet50", "width": 0.5}, "1.0"),
        ("shift_mode", {"shift_mode": "both"}, "bidirectional, unidirectional, none"),
        ("shift_div", {"shift_div": 0}, "from 1 to 4096"),
        ("shift_div", {"shift_div": 1, "shift_mode": "bidirectional"}, "at least 2"),
        ("shift_place", {"shift_place": "residual"}, "blockres, block"),
        ("modality", {"modality": "depth"}, "rgb, flow"),
        ("non_local", {"non_local": True}, "mobilenet_v2 has no such option"),
        ("non_local", {"non_local": 1}, "true or false"),
        ("non_local", {"backbone": "resnet18", "non_local": True}, "resnet18 has no such option"),
        ("width", {"backbone": "keras:VGG16", "width": 0.5}, "keras:VGG16 has no such option"),
        ("backbone", {"backbone": "keras:Nothing"}, "keras:EfficientNet..."),
        ("keras_json", {"backbone": "keras"}, "JSON"),
        ("keras_json", {"keras_json": "{}"}, "mobilenet_v2 has no such option"),
        ("interpolation", {"interpolation": "area"}, "bilinear"),
        ("crop_pct", {"crop_pct": 0}, "from 0.05 to 1"),
        ("crop_pct", {"crop_pct": 1.01}, "from 0.05 to 1"),
        ("temporal_pool", {"temporal_pool": True}, "mobilenet_v2"),
        (
            "num_segments",
            {"backbone": "resnet50", "temporal_pool": True, "num_segments": 5},
            "even",
        ),
        ("dropout", {"dropout": 1.0}, "from 0 to 0.999"),
        ("fps", {"fps": 0}, "from 0.0001 to 10000"),
        ("labels", {"num_classes": 3, "labels": ("a", "b")}, "num_classes=3"),
        ("labels", {"num_classes": 2, "labels": ("a", "a")}, "distinct"),
        ("labels", {"num_classes": 2, "labels": ("a", "")}, "1 to 1000"),
        ("labels", {"num_classes": 2, "labels": ("a", "b\x1b[2J")}, "control characters"),
        ("labels", {"num_classes": 2, "labels": ("a", "\ud800")}, "control characters"),
        ("labels", {"num_classes": 1, "labels": ([],)}, "1 to 1000"),
        ("multi_label", {"multi_label": 1}, "true or false"),
        ("thresholds", {"num_classes": 2, "thresholds": (0.5, 0.5)}, "without multi_label"),
        *(
            ("thresholds", {"num_classes": 2, "multi_label": True, "thresholds": wrong}, rule)
            for wrong, rule in (
                ((0.5,), "num_classes=2 numbers"),
                ((), "num_classes=2 numbers"),
                ((0.5, 1.01), "from 0 to 1"),
                ((0.5, float("nan")), "from 0 to 1"),
                ((0.5, "1"), "from 0 to 1"),
                ((0.5, True), "from 0 to 1"),
                (0.5, "list"),
            )
        ),
        ("events", {"multi_label": True, "events": EventRules()}, "None with multi_label"),
        (
            "background",
            {"num_classes": 1, "labels": ("a",), "multi_label": True, "background": ("a",)},
            "None with multi_label",
        ),
        ("mean", {"mean": (0.5,)}, "3 values"),
        ("std", {"std": (0, 1, 1)}, "from 1e-06"),
        ("backbone", {"backbone": []}, "mobilenet_v2"),
        ("labels", {"labels": 5}, "list"),
        ("mean", {"mean": "abc"}, "list"),
        ("mean", {"mean": ([], 0, 0)}, "number"),
        ("keras_json", {"backbone": "keras", "keras_json": 5}, "text"),
        ("shift_layers", {"backbone": "keras:VGG16", "shift_layers": ([],)}, "names"),
    ],
)
def test_refuses_what_cannot_be_built(argument, values, rule):
    with refuses(argument, rule, "Received: "):
        ModelSpec(**values)


def test_the_crop_decides_the_short_side():
    assert ModelSpec(crop_pct=1.0).short_side == 224 and ModelSpec(crop_pct=0.5).short_side == 448
    sizes = [ModelSpec(input_size=size).short_side for size in range(32, 300)]
    assert sizes == [size * 256 // 224 for size in range(32, 300)]


def test_reads_specs_from_before_a_field_was_renamed():
    spec = ModelSpec(backbone="keras", keras_json="{}")
    old = json.loads(spec.to_json())
    old["network"] = old.pop("keras_json")
    for name in ("interpolation", "crop_pct"):
        del old[name]
    assert ModelSpec.from_json(json.dumps(old)) == spec


def test_refuses_json_that_is_no_spec():
    with refuses("ModelSpec", "num_segments", "['segments']"):
        ModelSpec.from_json('{"segments": 8}')
    with refuses("spec", "JSON"):
        ModelSpec.from_json("{")
    with refuses("spec", "JSON"):
        ModelSpec.from_json("[" * 100_000)
    with refuses("spec", "JSON"):
        ModelSpec.from_json('{"width": ' + "1" * 10_000 + "}")
    with refuses("spec", "at most 33,554,432 characters"):
        ModelSpec.from_json(" " * (1 << 26))
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
