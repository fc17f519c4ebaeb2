import pytest
from testing import refuses

from tsm_tf.detection.recipes import RECIPES, get_recipe
from tsm_tf.training.step.optimizer import build_schedule


def test_the_papers_settings():
    """Section 6, and the code of FGFA that it refers to."""
    for name in ("vid_rfcn", "vid_rfcn_tsm", "vid_fgfa"):
        recipe = get_recipe(name)
        spec = recipe.model
        assert (spec.backbone, spec.feature_stride, spec.bins) == ("resnet101_v1", 16, 7)
        assert (spec.num_proposals, recipe.hard_regions, recipe.anchor_samples) == (300, 128, 256)
        assert (recipe.optimizer, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 5e-4)
        assert recipe.freeze_batch_norms and recipe.frozen_stages == 1
        rate = build_schedule(recipe, 300)
        assert [float(rate(step)) for step in (0, 799, 800, 1199)] == pytest.approx(
            [1e-3, 1e-3, 1e-4, 1e-4]
        )
    tsm = get_recipe("vid_rfcn_tsm").model
    assert (tsm.shift_mode, tsm.shift_div, tsm.num_segments) == ("unidirectional", 8, 8)
    assert get_recipe("vid_rfcn").model.shift_mode == "none"


def test_changes():
    recipe = get_recipe("vid_rfcn", epochs=12, backbone="resnet50", seed=None)
    assert recipe.decay_epochs == (8.0,) and recipe.model.backbone == "resnet50" and not recipe.seed
    assert recipe.model.mean == (0.485, 0.456, 0.406)
    assert get_recipe("vid_rfcn", epochs=12, decay_epochs=(1.5,)).decay_epochs == (1.5,)


@pytest.mark.parametrize(
    ("argument", "changes", "rule"),
    [
        ("epochs", {"epochs": 0}, "at least 1"),
        ("anchor_samples", {"anchor_samples": 1}, "at least 2"),
        ("learning_rate", {"learning_rate": float("nan")}, "positive"),
        ("clip_norm", {"clip_norm": -1.0}, "at least 0"),
        ("seed", {"seed": -1}, "from 0"),
        ("optimizer", {"optimizer": "adam"}, "adamw"),
        ("schedule", {"schedule": "linear"}, "cosine"),
        ("bins", {"bins": 0}, "from 1"),
        ("DetectorSpec", {"frames": 3}, "keys"),
    ],
)
def test_refused(argument, changes, rule):
    with refuses(argument, rule):
        get_recipe("shapes", **changes)
    with refuses("recipe", ", ".join(RECIPES)):
        get_recipe("imagenet")
