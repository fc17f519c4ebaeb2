import keras
import pytest
from clip_networks import assert_exports, assert_golden, assert_trains
from testing import refuses

from tsm_tf import ModelSpec, build_model
from tsm_tf.networks3d.slowfast import VARIANTS, slow_frames
from tsm_tf.training.step.parameter_groups import multipliers

LASTS = {"layer1": (1, 2), "layer2": (2, 3), "layer3": (3, 5), "layer4": (4, 2)}
ENDS = {
    "mean_slow_stem": "blocks_0_multipathway_blocks_0_pool",
    "mean_fast_stem": "blocks_0_multipathway_blocks_1_pool",
    **{
        f"mean_{pathway}_{name}": f"blocks_{stage}_multipathway_blocks_{i}_res_blocks_{block}"
        for i, pathway in enumerate(("slow", "fast"))
        for name, (stage, block) in LASTS.items()
    },
}


def test_golden(golden_dir):
    assert_golden(golden_dir, "SLOWFAST", "slowfast_r50_8x8", ENDS)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", VARIANTS)
def test_trains(backbone, tmp_path):
    spec = ModelSpec(backbone, 3, num_segments=16, input_size=64, width=0.25)
    assert_trains(spec, tmp_path)


def test_slow_frames():
    eight, four = VARIANTS["slowfast_r50_8x8"], VARIANTS["slowfast_r50_4x16"]
    assert slow_frames(16, eight) == (0, 5, 10, 15)
    assert slow_frames(32, eight) == (0, 4, 8, 13, 17, 22, 26, 31)
    assert slow_frames(32, four) == (0, 10, 20, 31)
    assert slow_frames(4, eight) == (0,)
    assert slow_frames(16, VARIANTS["slowfast_r50_8x8_mmaction"]) == (0, 4, 8, 12)
    assert slow_frames(32, VARIANTS["slowfast_r50_4x16_mmaction"]) == (0, 8, 16, 24)


@pytest.mark.parametrize(("backbone", "alpha"), [("slowfast_r50_8x8", 4), ("slowfast_r50_4x16", 8)])
def test_refuses_frames_that_alpha_does_not_divide(backbone, alpha):
    with refuses("num_segments", f"multiple of {alpha} for {backbone}", "30"):
        ModelSpec(backbone, num_segments=30)


def test_one_slow_frame_is_enough():
    model = build_model(ModelSpec("slowfast_r50_8x8", num_segments=4, input_size=32, width=0.125))
    assert model.get_layer("slow_avgpool").input.shape[1] == 1
    assert model.get_layer("fast_avgpool").input.shape[1] == 4


def test_mmaction_joins_the_pathways_without_norms_and_takes_the_fast_one_first():
    options = {"num_segments": 8, "input_size": 32, "width": 0.125}
    names, first = [], []
    for backbone in ("slowfast_r50_8x8", "slowfast_r50_8x8_mmaction"):
        with keras.StatelessScope():
            model = build_model(ModelSpec(backbone, **options))
        names.append({layer.name for layer in model.layers if "fusion" in layer.name})
        first.append(model.get_layer("features").input[0].shape[-1])
    assert names[0] - names[1] == {x for x in names[0] if x.endswith(("_norm", "_relu"))}
    assert len(names[1]) == 8 and first == [256, 32]


def test_both_pathways_take_the_frames_of_a_flow_network():
    spec = ModelSpec(
        "slowfast_r50_8x8",
        num_segments=4,
        input_size=32,
        width=0.25,
        modality="flow",
    )
    with keras.StatelessScope():
        groups = multipliers(build_model(spec), new_head=False)
    assert {path for path, (rate, _) in groups.items() if rate == 5} == {
        "blocks_0_multipathway_blocks_0_conv/kernel",
        "blocks_0_multipathway_blocks_1_conv/kernel",
    }


@pytest.mark.slow
def test_exports():
    assert_exports(ModelSpec("slowfast_r50_8x8", 3, num_segments=8, input_size=64, width=0.25))
