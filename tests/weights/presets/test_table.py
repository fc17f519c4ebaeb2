import csv
import pathlib
import re
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
JESTER = ("Doing other things", "Sliding Two Fingers Up", "Zooming Out With Two Fingers")
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
    "tsm_mobilenetv2_online_jester": JESTER,
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
    "tsn_rx101_3f_kinetics400_mm": KINETICS,
    "trn_r50_8f_sthv1_mm": SOMETHING_V1_MMACTION2,
    "trn_r50_8f_sthv2_mm": SOMETHING,
    "i3d_r50_32x2_kinetics400_mm": KINETICS,
    "i3d_r50_nl_32x2_kinetics400_mm": KINETICS,
    "i3d_r50_heavy_32x2_kinetics400_mm": KINETICS,
    "slowfast_r50_4x16_kinetics400_mm": KINETICS,
    "slowfast_r50_8x8_kinetics400_mm": KINETICS,
    "ircsn_r152_ig65m_kinetics400_mm": KINETICS,
    "ircsn_r50_ig65m_kinetics400_mm": KINETICS,
    "ipcsn_r152_kinetics400_mm": KINETICS,
    "ircsn_r152_kinetics400_mm": KINETICS,
    "ipcsn_r152_ig65m_kinetics400_mm": KINETICS,
    "tsm_r50_8f_jester_mm0": ("Swiping Left", "Rolling Hand Backward", "Doing other things"),
    "tsm_r50_8f_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_8f_aug_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_16f_sthv1_mm0": SOMETHING_V1_MMACTION2,
    "tsm_r50_8f_ucf101_mm0": ("ApplyEyeMakeup", "LongJump", "YoYo"),
    "tsm_r50_8f_hmdb51_mm0": ("brush_hair", "pour", "wave"),
    "tsm_r50_16f_hmdb51_mm0": ("brush_hair", "pour", "wave"),
    "tsn_r50_flow_8f_kinetics400_mm0": KINETICS,
    "i3d_r50_8x8_kinetics400_ptv": KINETICS,
    "slowfast_r50_4x16_kinetics400_ptv": KINETICS,
    "slowfast_r50_8x8_kinetics400_ptv": KINETICS,
    "slowfast_r50_8x8_sthv2_ptv": SOMETHING,
    "x3d_xs_4x12_kinetics400_ptv": KINETICS,
    "x3d_s_13x6_kinetics400_ptv": KINETICS,
    "x3d_m_16x5_kinetics400_ptv": KINETICS,
    "trn_bninception_8f_sthv1_trn": SOMETHING,
    "trn_bninception_8f_sthv2_trn": SOMETHING,
    "trn_bninception_8f_jester_trn": JESTER,
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


NETWORK_WORDS = {
    "resnet50": "r50",
    "resnet101": "r101",
    "resnext101_32x4d": "rx101",
    "bn_inception": "bninception",
    "mobilenet_v2": "mobilenetv2",
}
FILES_OF = {
    # ends of names: servers, ends of files
    "mm": (("https://download.openmmlab.com/mmaction/",), (".pth",)),
    "mm0": (("https://download.openmmlab.com/mmaction/recognition/",), (".pth",)),
    "ptv": (("https://dl.fbaipublicfiles.com/pytorchvideo/",), (".pyth",)),
    "trn": (("http://relation.csail.mit.edu/",), (".pth.tar",)),  # it has no HTTPS
    "": (
        ("https://hanlab18.mit.edu/projects/tsm/", "https://download.openmmlab.com/mmaction/"),
        (".pth", ".pth.tar"),
    ),
}


def test_names_say_what_the_rows_hold():
    for preset in presets().values():
        parts = preset.name.split("_")
        spec = preset.spec()
        assert ("kinetics400" if preset.data_set == "kinetics" else preset.data_set) in parts
        if spec.takes_clips:
            assert_clip_network(parts, spec)
        else:
            assert NETWORK_WORDS[preset.backbone] in parts
            kinds = {"trn": ("none", "trn_multiscale"), "tsn": ("none", "average")}
            if parts[0] in kinds:
                assert (spec.shift_mode, spec.consensus) == kinds[parts[0]]
            else:
                assert spec.shift_mode != "none" and spec.consensus == "average"
            assert (f"{spec.num_segments}f" in parts) or "online" in parts
        assert ("online" in parts) == (spec.shift_mode == "unidirectional")
        assert ("nl" in parts) == spec.non_local
        assert ("flow" in parts) == (spec.modality == "flow")
        assert preset.sampling in table.SAMPLINGS and preset.backbone in ARCHITECTURES

        servers, ends = FILES_OF[parts[-1] if parts[-1] in FILES_OF else ""]
        for file in preset.files:
            assert file.url.startswith(servers) and file.url.endswith(ends)
            assert len(file.sha256) in (0, 8, 64)
            if file.sha256:
                assert file.url.endswith(f"-{file.sha256}.pth")


def assert_clip_network(parts, spec):
    """Checks the network's name and its frames, such as 8x8: 8 frames, one of 8 of the video.

    Those of SlowFast are the slow pathway's, of which the fast pathway sees 32.
    """
    family, _, rest = spec.backbone.partition("_")
    assert parts[0] == family
    if family in ("x3d", "slowfast"):
        words = rest.removesuffix("_mmaction")
        assert "_".join(parts[1:]).startswith("xs_" if parts[1] == "xs" else words)
        assert rest.endswith("_mmaction") == (family == "slowfast" and parts[-1] == "mm")
    else:
        assert parts[1] == rest.split("_")[0]
        assert ("heavy" in parts) == rest.endswith("heavy")
    frames = next((part for part in parts if re.fullmatch(r"\d+x\d+", part)), "32x2")
    count = int(frames.split("x")[0])
    assert spec.num_segments == (32 if family == "slowfast" else count)
    assert spec.input_size == (160 if parts[1] in ("s", "xs") else 224)


def test_files_that_are_easily_mixed_up():
    """The number of segments, the variant and the data set are in the names of the files."""
    urls = [file.url for preset in presets().values() for file in preset.files]
    assert len(set(urls)) == len(urls)
    for preset in presets().values():
        name = preset.files[0].url.rpartition("/")[2]
        is_of_clips, source = preset.spec().takes_clips, preset.source
        if preset.name != "slowfast_r50_8x8_sthv2_ptv":  # one clip per video
            assert ("dense" in name or is_of_clips) == (preset.sampling == "dense")
        if source is table.SOURCES["ptv"]:
            words = name.removesuffix(".pyth").lower().split("_")
            assert set(words) <= set(preset.name.split("_"))
            assert ("/ssv2/" in preset.files[0].url) == (preset.data_set == "sthv2")
        elif source is table.SOURCES["trn"]:
            word = {"sthv1": "something", "sthv2": "somethingv2"}.get(preset.data_set, "jester")
            assert name.startswith(f"TRN_{word}_RGB_BNInception_TRNmultiscale_segment8_")
        elif source is table.SOURCES["tsm"]:
            if preset.shift_mode == "bidirectional":
                assert f"_segment{preset.num_segments}_" in name
                assert ("_nl.pth" in name) == preset.non_local
        else:
            assert_mmaction_file(preset, name, is_of_clips)


def assert_mmaction_file(preset, name, is_of_clips):
    frames = f"1x1x{preset.num_segments}"
    if is_of_clips:
        slow = re.search(r"_(\d+x\d+)_", preset.name) if "slowfast" in name else None
        frames = f"{slow[1]}x1" if slow else f"{preset.num_segments}x2x1"
    assert f"-{frames}-" in name or f"_{frames}_" in name
    assert ("nl-embedded-gaussian" in name) == preset.non_local
    assert ("ig65m" in name) == ("ig65m" in preset.name)
    word = "kinetics400" if preset.data_set == "kinetics" else preset.data_set
    assert f"{word}" in name and ("flow" in name) == (preset.modality == "flow")


def test_preprocessing_of_rgb_depends_on_the_source():
    imagenet, half = (0.485, 0.456, 0.406), (0.45, 0.45, 0.45)
    for preset in presets().values():
        spec = preset.spec()
        if spec.modality == "flow":
            continue
        if preset.backbone == "bn_inception":
            assert spec.channel_order == "bgr" and spec.std == (1 / 255,) * 3
        elif preset.name in ("ipcsn_r152_kinetics400_mm", "ircsn_r152_kinetics400_mm"):
            assert spec.mean == (0.43216, 0.394666, 0.37645)  # trained with VMZ
        else:
            assert spec.mean == (half if preset.name.endswith("_ptv") else imagenet)


def test_reported_accuracies():
    accuracy = find_preset("tsm_r50_8f_kinetics400").accuracies
    assert [(x.top1, x.top5, x.protocol) for x in accuracy] == [
        (71.2, None, "1 crop"),
        (72.8, None, "10 crops"),
    ]
    (flow,) = find_preset("tsn_r50_flow_8f_kinetics400_mm0").accuracies
    assert (flow.top1, flow.top5) == (57.76, 80.99)
    without = {name for name, preset in presets().items() if not preset.accuracies}
    of_trn = {f"trn_bninception_8f_{data_set}_trn" for data_set in ("sthv1", "sthv2", "jester")}
    assert without == {"tsm_mobilenetv2_online_jester", *of_trn}
    for preset in presets().values():
        for accuracy in preset.accuracies:
            assert 30 < accuracy.top1 < (accuracy.top5 or 100) < 101


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
