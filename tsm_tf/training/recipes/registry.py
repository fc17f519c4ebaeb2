"""All recipes by name. To add one, write its function and add it to `RECIPES`."""

from tsm_tf.errors import InputError
from tsm_tf.spec_checks import check_choice
from tsm_tf.training.recipes import paper
from tsm_tf.training.recipes.gestures import gestures, gestures_online
from tsm_tf.training.recipes.paper import MODELS
from tsm_tf.training.recipes.recipe import Recipe, linear_scaling, quick

PAPER_RECIPES = {
    "kinetics": paper.kinetics,
    "kinetics_paper": paper.kinetics_paper,
    "something_v1": paper.something_v1,
    "something_v2": paper.something_v2,
    "jester": paper.jester,
    "ucf101": paper.ucf101,
    "hmdb51": paper.hmdb51,
}
"""Recipes that take the name of one of `MODELS`."""

RECIPES = {"gestures": gestures, "gestures_online": gestures_online, **PAPER_RECIPES}


def get_recipe(
    name: str,
    model: str | None = None,
    quick_variant: bool = False,
    scale_rate: bool = False,
    **changes,
) -> Recipe:
    """Returns a recipe by name, with some values changed.

    Args:
        name: one of `RECIPES`.
        model: one of `MODELS`, for `PAPER_RECIPES` only; None: the recipe's default.
        quick_variant: whether to return the small variant; see `quick`.
        scale_rate: whether to scale the rate with the batch size; see `linear_scaling`.
        **changes: see `Recipe.replace`; values of None change nothing.

    Raises:
        InputError: an unknown recipe or model, a value out of range, or values that exclude each
            other.
    """
    check_choice("recipe", name, tuple(RECIPES))
    if model is not None:
        if name not in PAPER_RECIPES:
            raise InputError("model", f"must not be given for {name}", model)
        check_choice("model", model, tuple(MODELS))
    recipe = RECIPES[name](model) if model else RECIPES[name]()
    reference = quick(recipe) if quick_variant else recipe

    changes = {key: value for key, value in changes.items() if value is not None}
    recipe = reference.replace(**changes)
    if not scale_rate:
        return recipe

    for field in ("learning_rate", "warmup_epochs"):
        if field in changes:
            rule = f"must not be combined with {field}, which it determines"
            raise InputError("linear_scaling", rule, True)
    if recipe.schedule == "cosine_per_epoch":
        rule = "must not be combined with cosine_per_epoch, which has no warm-up"
        raise InputError("linear_scaling", rule, True)
    return linear_scaling(recipe, reference)
