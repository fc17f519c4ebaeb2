import json

import numpy as np
import pytest
from jester import LABELS

from export.format.smoothing_rules import SmoothingRules, rules_for
from export.live.smoothing import Smoother


def test_official_smoothing(golden_dir):
    for case in json.loads((golden_dir / "demo_smoothing.json").read_text())["cases"]:
        smoother = Smoother(LABELS, rules_for(LABELS))
        assert [smoother.refine(predicted) for predicted in case["predicted"]] == case["shown"]


def test_smoothing_averages_twelve_steps():
    smoother = Smoother(("x", "y"))
    steps = [[1.0, 0.0]] * 6 + [[0.0, 1.0]] * 12
    shown = [smoother.step(np.array(logits)) for logits in steps]
    assert shown == [0] * 12 + [1] * 6  # after six against six the first of equals stays
    smoother.reset()
    assert smoother.step(np.array([0.0, 1.0])) == 1


def test_smoothing_over_fewer_steps():
    smoother = Smoother(("x", "y"), SmoothingRules(averaged_steps=2))
    assert [smoother.step(np.array(logits)) for logits in [[1.0, 0.0]] * 6 + [[0.0, 1.1]] * 2] == [
        0
    ] * 6 + [1] * 2


@pytest.mark.parametrize(
    "steps, shown", [(0, [0, 1, 2, 2, 0]), (1, [0, 1, 1, 2, 2]), (2, [0, 1, 1, 1, 0])]
)
def test_a_class_that_has_just_come_stays(steps, shown):
    smoother = Smoother(("x", "y", "z"), SmoothingRules(refractory_steps=steps))
    assert [smoother.refine(predicted) for predicted in (0, 1, 2, 2, 0)] == shown


def test_other_labels_have_no_special_classes():
    labels = ("No gesture", "Turning Hand Clockwise")
    for rules in (None, rules_for(labels)):
        smoother = Smoother(labels, rules)
        assert [smoother.refine(1) for _ in range(3)] == [1, 1, 1]


def test_rules_name_the_classes():
    labels = ("No gesture", "x", "y", "z")
    rules = SmoothingRules(keep_last=("x", "gone"), same_as={"y": "z", "z": "gone", "gone": "x"})
    smoother = Smoother(labels, rules)
    assert [smoother.refine(predicted) for predicted in (1, 2, 2, 1, 3)] == [0, 3, 3, 3, 3]
