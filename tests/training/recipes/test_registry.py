"""The registry, and what `gestures` and the paper's recipes have in common."""

import pytest
from testing import refuses

from tsm_tf.spec import ModelSpec
from tsm_tf.training.recipes import MODELS, PAPER_RECIPES, RECIPES, get_recipe


def test_unknown_names():
    with refuses("recipe", "gestures, gestures_online, kinetics", "'sports'"):
        get_recipe("sports")
    with refuses("model", "r50_8f, r50_16f", "'r101'"):
        get_recipe("kinetics", "r101")
    with refuses("model", "must not be given for gestures"):
        get_recipe("gestures", "r50_8f")


def test_flags_that_exclude_each_other():
    with refuses("linear_scaling", "must not be combined with learning_rate"):
        get_recipe("gestures", scale_rate=True, learning_rate=0.1)
    with refuses("linear_scaling", "must not be combined with warmup_epochs"):
        get_recipe("gestures", scale_rate=True, warmup_epochs=2.0)
    with refuses("linear_scaling", "cosine_per_epoch"):
        get_recipe("kinetics", scale_rate=True, schedule="cosine_per_epoch")


def test_linear_scaling_warms_up_for_half_of_a_short_training():
    recipe = get_recipe("kinetics", quick_variant=True, scale_rate=True, batch_size=8)
    assert (recipe.epochs, recipe.warmup_epochs) == (2, 1)
    assert (recipe.warmup_rate, recipe.learning_rate) == (0.02, 0.04)
    assert get_recipe("kinetics_paper", scale_rate=True, batch_size=12_288).warmup_epochs == 5


def test_values_of_none_change_nothing():
    assert get_recipe("gestures", epochs=None, backbone=None) == get_recipe("gestures")
    changed = get_recipe("gestures", epochs=3, shift_mode="none")
    assert (changed.epochs, changed.model.shift_mode) == (3, "none")


@pytest.mark.parametrize("name", PAPER_RECIPES)
@pytest.mark.parametrize("model", MODELS)
def test_recipes_of_the_paper_train_its_models(name, model):
    recipe = get_recipe(name, model)
    dropout = 0.8 if name in ("ucf101", "hmdb51") else 0.5
    assert recipe.model == MODELS[model].replace(dropout=dropout)
    assert recipe.initial_weights and recipe.optimizer == "sgd" and recipe.decay_epochs


def test_the_gestures_have_the_model_of_the_demo():
    assert get_recipe("gestures").model == ModelSpec(
        backbone="mobilenet_v2",
        width=0.35,
        input_size=48,
        shift_div=4,
        shift_mode="unidirectional",
        dropout=0.0,
    )


@pytest.mark.parametrize("name", RECIPES)
def test_docstrings_say_what_to_expect(name):
    text = RECIPES[name].__doc__
    assert f"python -m tsm_tf.training --recipe={name} " in text
    for heading in ("Paper:", "Run time:", "Expected accuracy:", "uick variant", "valuation"):
        assert heading in text, heading
