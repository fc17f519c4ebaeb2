import json

import pytest
from testing import refuses

from export.format.smoothing_rules import SmoothingRules


@pytest.mark.parametrize(
    ("fps", "steps"),
    [
        (None, (12, 1)),
        (15.0, (12, 1)),
        (8.0, (6, 1)),
        (30.0, (24, 2)),
        (0.5, (1, 1)),
        (1e4, (1000, 667)),
    ],
)
def test_rules_last_as_long_at_another_rate(fps, steps):
    rules = SmoothingRules(keep_last=("a",)).at_rate(fps)
    assert (rules.averaged_steps, rules.refractory_steps) == steps and rules.keep_last == ("a",)
    assert SmoothingRules(refractory_steps=0).at_rate(fps).refractory_steps == 0


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
