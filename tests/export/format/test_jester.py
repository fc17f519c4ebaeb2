import pytest
from jester import LABELS

from export.format.jester import smoothing_rules
from export.format.smoothing_rules import SmoothingRules


def test_jesters_labels_have_classes_to_ignore_and_to_merge():
    rules = smoothing_rules(LABELS)
    assert (rules.averaged_steps, rules.refractory_steps) == (12, 1)
    assert sorted(rules.keep_last) == [
        "Pulling Hand In",
        "Rolling Hand Backward",
        "Rolling Hand Forward",
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
    ]
    assert rules.same_as == {"Doing other things": "No gesture"}


def test_only_classes_of_the_model_are_named():
    assert smoothing_rules(("Doing other things", "x", "Pulling Hand In")) == SmoothingRules(
        keep_last=("Pulling Hand In",)
    )


@pytest.mark.parametrize("labels", [None, (), ("No gesture", "Turning Hand Clockwise")])
def test_other_labels_have_no_special_classes(labels):
    assert smoothing_rules(labels) == SmoothingRules(12, 1, (), {})
