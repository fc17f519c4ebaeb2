import csv
import pathlib
import subprocess
import sys

import pytest
from testing import refuses

import tsm_tf.weights.presets.table as table
from tsm_tf.catalogue import ARCHITECTURES
from tsm_tf.weights.presets.table import find_preset, name_checkpoint, presets

ROOT = pathlib.Path(__file__).parents[3]

# The first, the middle and the last class.
KINETICS = ("abseiling", "moving furniture", "zumba")
SOMETHING = (
    "Approaching something with your camera",
    "Pulling something from right to left",
    "Wiping something off of something",
)
SOMETHING_V1_MMACTION2 = (
    "Holding something",
    "Putting something upright on the table",
    "Poking a hole into some substance",
)
CLASSES = {
    "tsn_r50_8f_kinetics400": KINETICS,
    "tsm_r50_8f_kinetics400": KINETICS,
    "tsm_r50_16f_kinetics400": KINETICS,
    "tsm_r50_8f_dense_kinetics400": KINETICS,
    "tsm_r50_nl_8f_dense_kinetics400": KINETICS,
    "tsm_mobilenetv2_8f_dense_kinetics400": KINETICS,
    "tsm_r50_flow_8f_kinetics400": KINETICS,
    "tsm_r50_8f_sthv1": SOMETHING,
    "tsm_r50_16f_sthv1": SOMETHING,
    "tsm_r101_8f_sthv1": SOMETHING,
    "tsm_r50_8f_sthv2": SOMETHING,
    "tsm_r50_16f_sthv2": SOMETHING,
    "tsm_r101_8f_sthv2": SOMETHING,
    "tsm_mobilenetv2_online_jester": (
        "Doing other things",
        "Sliding Two Fingers Up",
        "Zooming Out With Two Fingers",
    ),
    "tsm_r50_8f_kinetics400_mm": KINETICS,
    "tsm_r50_16f_kinetics400_mm": KINETICS,
    "tsm_r50_8f_dense_kinetics400_mm": KINETICS,
    "tsm_r50_nl_8f_kinetics400_mm": KINETICS,
    "tsm_mobilenetv2_8f_kinetics400_mm": KINETICS,
    "tsm_r50_8f_sthv2_mm": SOMETHING,
    "tsm_r50_16f_sthv2_mm": SOMETHING,
    "tsm_r101_8f_sthv2_mm": SOMETHING,
    "tsn_r50_8f_kinetics400_mm": KINETICS,
    "tsn_r101_8f_kinetics400_mm": KINETICS,
    "i3d_r50_32x2_kinetics400_mm": KINETICS,
    "i3d_r50_nl_32x2_kinetics400_mm": KINETICS,
    "i3d_r50_heavy_32x2_kinetics400_mm": KINETICS,
    "tsm_r50_8f_jester_mm0": ("Swiping Left", "Rolling Hand Backward", "Doing other things"),
    "tsm_r50_8f_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_8f_aug_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_16f_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_8f_ucf101_mm0": ("ApplyEyeMakeup", "LongJump", "YoYo"),
    "tsm_r50_8f_hmdb51_mm0": ("brush_hair", "pour", "wave"),
    "tsm_r50_16f_hmdb51_mm0": ("brush_hair", "pour", "wave"),
    "tsn_r50_flow_8f_kinetics400_mm0": KINETICS,
}


def test_every_preset_has_the_classes_in_the_order_of_its_source():
    for preset in presets().values():
        labels = preset.labels
        assert (labels[0], labels[len(labels) // 2], labels[-1]) == CLASSES[preset.name]
    assert CLASSES.keys() == presets().keys()


def test_orders_that_differ_between_sources():
    """Numbers that MMAction2's configurations state, because its training swaps these classes."""
    jester = find_preset("tsm_r50_8f_jester_mm0").labels
    assert jester[0:2] == ("Swiping Left", "Swiping Right")
    assert jester[6:8] == ("Sliding Two Fingers Left", "Sliding Two Fingers Right")
    something = find_preset("tsm_r50_8f_sthv2_mm").labels
    assert something[86:88] == tuple(
        f"Pulling something from {way}" for way in ("left to right", "right to left")
    )
    assert something[93:95] == tuple(
        f"Pushing something from {way}" for way in ("left to right", "right to left")
    )
    assert [name.split()[3] for name in something[166:168]] == ["left", "right"]
    hmdb51 = find_preset("tsm_r50_8f_hmdb51_mm0").labels
    assert hmdb51.index("kick") < hmdb51.index("kick_ball")  # unlike TSN's order
    assert hmdb51.index("sword") < hmdb51.index("sword_exercise")
    assert find_preset("tsm_r50_8f_sthv1").labels == find_preset("tsm_r50_8f_sthv2").labels


def test_names_say_what_the_rows_hold():
    words = {"kinetics": "kinetics400", "resnet50": "r50", "resnet101": "r101"}
    for preset in presets().values():
        parts = preset.name.split("_")
        spec = preset.spec()
        assert words.get(preset.data_set, preset.data_set) in parts
        if spec.takes_clips:
            assert preset.backbone.startswith(f"{parts[0]}_{parts[1]}")
            assert ("heavy" in parts) == preset.backbone.endswith("heavy")
            assert f"{spec.num_segments}x2" in parts  # every second frame
        else:
            assert words.get(preset.backbone, "mobilenetv2") in parts
            assert (parts[0] == "tsn") == (spec.shift_mode == "none")
            assert (f"{spec.num_segments}f" in parts) or "online" in parts
        assert ("online" in parts) == (spec.shift_mode == "unidirectional")
        assert ("nl" in parts) == spec.non_local
        assert ("flow" in parts) == (spec.modality == "flow")
        assert (parts[-1] if parts[-1].startswith("mm") else "tsm") in preset.files[0].url or (
            preset.source.title.startswith("MMAction2")
        )
        assert preset.sampling in table.SAMPLINGS and preset.backbone in ARCHITECTURES
        for file in preset.files:
            assert file.url.startswith("https://") and file.url.endswith((".pth", ".pth.tar"))
            assert len(file.sha256) in (0, 8, 64)
            if file.sha256:
                assert file.url.endswith(f"-{file.sha256}.pth")


def test_files_that_are_easily_mixed_up():
    """The number of segments, the variant and the data set are in the names of the files."""
    urls = [file.url for preset in presets().values() for file in preset.files]
    assert len(set(urls)) == len(urls)
    for preset in presets().values():
        name = preset.files[0].url.rpartition("/")[2]
        is_dense = "dense" in name or preset.spec().takes_clips
        assert is_dense == (preset.sampling == "dense")
        if preset.source is table.SOURCES["tsm"] and preset.shift_mode == "bidirectional":
            assert f"_segment{preset.num_segments}_" in name
            assert ("_nl.pth" in name) == preset.non_local
        elif preset.source is not table.SOURCES["tsm"]:
            frames = f"1x1x{preset.num_segments}"
            if preset.spec().takes_clips:
                frames = f"{preset.num_segments}x2x1"
            assert f"-{frames}-" in name or f"_{frames}_" in name
            assert ("nl-embedded-gaussian" in name) == preset.non_local
            word = "kinetics400" if preset.data_set == "kinetics" else preset.data_set
            assert f"{word}" in name and ("flow" in name) == (preset.modality == "flow")


def test_reported_accuracies():
    accuracy = find_preset("tsm_r50_8f_kinetics400").accuracies
    assert [(x.top1, x.top5, x.protocol) for x in accuracy] == [
        (71.2, None, "1 crop"),
        (72.8, None, "10 crops"),
    ]
    (flow,) = find_preset("tsn_r50_flow_8f_kinetics400_mm0").accuracies
    assert (flow.top1, flow.top5) == (57.76, 80.99)
    without = {name for name, preset in presets().items() if not preset.accuracies}
    assert without == {"tsm_mobilenetv2_online_jester"}
    for preset in presets().values():
        for accuracy in preset.accuracies:
            assert 40 < accuracy.top1 < (accuracy.top5 or 100) < 101


def test_preprocessing_of_flow_depends_on_the_source():
    assert find_preset("tsm_r50_flow_8f_kinetics400").spec().std == (0.226,) * 10
    spec = find_preset("tsn_r50_flow_8f_kinetics400_mm0").spec()
    assert spec.mean == (128 / 255,) * 10 and spec.std == (128 / 255,) * 10
    assert find_preset("tsm_r50_8f_sthv1").spec().mean == (0.485, 0.456, 0.406)


def test_an_unknown_name_lists_similar_ones():
    with refuses("preset", "--list", "tsm_r50_8f_kinetics400"):
        find_preset("tsm_resnet50_8f_kinetics400")
    with refuses("preset", "--list"):
        find_preset("")


def test_checkpoint_or_preset():
    assert name_checkpoint("runs/tsm", None) == "runs/tsm"
    assert name_checkpoint(None, "tsm_r50_8f_sthv1") == "preset:tsm_r50_8f_sthv1"
    for both in (("a", "tsm_r50_8f_sthv1"), (None, None), ("", "")):
        with refuses("checkpoint", "--preset", "not both"):
            name_checkpoint(*both)
    with refuses("preset", "--list"):
        name_checkpoint(None, "nothing")


def test_a_damaged_row_is_found():
    (row, *_) = csv.DictReader(["accuracy", "71.2"])
    with pytest.raises(ValueError, match="protocol"):
        table._accuracy(row["accuracy"])


def test_listing_loads_no_framework():
    code = (
        "import sys; from tsm_tf.weights.presets.table import describe; print(describe()); "
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "reported by its source" in lines[0] and len(lines) == 2 + len(presets())
    assert len(set(map(len, lines))) == 1  # the columns are aligned


def test_the_documentation_has_the_table():
    """To update it: `python -m tsm_tf.weights --list`."""
    assert table.describe() in (ROOT / "docs" / "presets.md").read_text(encoding="utf-8")
