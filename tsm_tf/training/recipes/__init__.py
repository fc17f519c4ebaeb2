"""Recipes: what to train, and how. Each is one readable function; flags change single values.

`gestures` is the recipe for the rendered gestures, `paper` has the recipes for the paper's data
sets and models, and `registry` finds them by name. `Recipe` explains the values.
"""

from tsm_tf.training.recipes.paper import MODELS
from tsm_tf.training.recipes.recipe import OPTIMIZERS, SCHEDULES, Recipe, linear_scaling, quick
from tsm_tf.training.recipes.registry import PAPER_RECIPES, RECIPES, get_recipe

__all__ = [
    "MODELS",
    "OPTIMIZERS",
    "PAPER_RECIPES",
    "RECIPES",
    "SCHEDULES",
    "Recipe",
    "get_recipe",
    "linear_scaling",
    "quick",
]
