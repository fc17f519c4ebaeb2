import json

import pytest
from jester import LABELS
from testing import refuses

from export.format.smoothing_rules import SmoothingRules, rules_for


def test_jesters_labels_have_classes_to_ignore_and_to_merge():
    rules = rules_for(LABELS)
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
    assert rules_for(("Doing other things", "x", "Pulling Hand In")) == SmoothingRules(
        keep_last=("Pulling Hand In",)
    )


@pytest.mark.parametrize("labels", [None, (), ("No gesture", "Turning Hand Clockwise")])
def test_other_labels_have_no_special_classes(labels):
    assert rules_for(labels) == SmoothingRules(12, 1, (), {})


def test_json_and_back():
    rules = SmoothingRules(3, 0, ("a", "ü"), {"b": "c"})
    values = json.loads(json.dumps(rules.to_json_object()))
    assert values == {
        "averaged_steps": 3,
        "refractory_steps": 0,
        "keep_last": ["a", "ü"],
        "same_as": {"b": "c"},
    }
    assert SmoothingRules.from_json_object(values) == rules
    assert SmoothingRules.from_json_object({}) == SmoothingRules()


@pytest.mark.parametrize(
    "values, argument",
    [
        ([], "smoothing"),
        ({"averaged": 1}, "smoothing"),
        ({"averaged_steps": 0}, "averaged_steps"),
        ({"averaged_steps": True}, "averaged_steps"),
        ({"refractory_steps": -1}, "refractory_steps"),
        ({"refractory_steps": 1.5}, "refractory_steps"),
        ({"keep_last": "abc"}, "keep_last"),
        ({"keep_last": [1]}, "keep_last"),
        ({"same_as": ["a"]}, "same_as"),
        ({"same_as": {"a": 1}}, "same_as"),
    ],
)
def test_refuses(values, argument):
    with refuses(argument):
        SmoothingRules.from_json_object(values)
