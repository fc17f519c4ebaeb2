"""Recipes: what to train, and how; see `registry`."""

from tsm_tf.training.recipes.recipe import *  # noqa: F403
