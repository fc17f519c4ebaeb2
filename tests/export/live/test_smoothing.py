import json

import numpy as np
import pytest
from jester import LABELS

from export.format.jester import smoothing_rules
from export.format.smoothing_rules import SmoothingRules
from export.live.smoothing import SmoothedEvents, Smoother
from tsm_tf import ModelSpec

BACKGROUND = ModelSpec(num_classes=len(LABELS), labels=LABELS).background_labels


def test_official_smoothing(golden_dir):
    for case in json.loads((golden_dir / "demo_smoothing.json").read_text())["cases"]:
        smoother = Smoother(LABELS, smoothing_rules(LABELS), BACKGROUND)
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
    for rules in (None, smoothing_rules(labels)):
        smoother = Smoother(labels, rules, ("No gesture",))
        assert [smoother.refine(1) for _ in range(3)] == [1, 1, 1]


def test_rules_name_the_classes():
    labels = ("nothing", "x", "y", "z")
    rules = SmoothingRules(keep_last=("x", "gone"), same_as={"y": "z", "z": "gone", "gone": "x"})
    smoother = Smoother(labels, rules, {"nothing"})
    assert [smoother.refine(predicted) for predicted in (1, 2, 2, 1, 3)] == [0, 3, 3, 3, 3]


def test_no_name_of_a_class_is_special():
    """The first class is shown at once, whatever its name, if the spec has no background."""
    smoother = Smoother(("x", "No gesture"))
    assert [smoother.refine(0), smoother.refine(0)] == [0, 0]


def test_background_is_shown_first_as_the_rules_show_it():
    rules = SmoothingRules(same_as={"away": "idle"})
    smoother = Smoother(("x", "away", "idle"), rules, ("idle", "away"))
    assert (smoother.background, smoother.first_shown) == (("away", "idle"), 2)
    assert [smoother.refine(predicted) for predicted in (0, 0)] == [0, 0]


def test_probabilities_are_those_of_the_averaged_logits():
    smoother = Smoother(("x", "y"), SmoothingRules(averaged_steps=2))
    assert smoother.probabilities.tolist() == [0, 0]
    for logits in ([9.0, 0.0], [2.0, 0.0], [0.0, 4.0]):
        smoother.step(np.array(logits))
    np.testing.assert_allclose(smoother.probabilities, [1 / (1 + np.e), np.e / (1 + np.e)])


def test_an_event_is_a_change_of_the_shown_class():
    rules = SmoothingRules(averaged_steps=1, refractory_steps=0)
    decoder = SmoothedEvents(Smoother(("left", "idle", "right"), rules, ("idle",)))
    assert decoder.shown == "idle"
    found, shown = [], []
    for t, index in enumerate([1, 0, 0, 1, 2, 0, 0]):
        logits = np.zeros(3)
        logits[index] = np.log(8)
        found += decoder.step(logits, t / 4)
        shown.append(decoder.shown)
    assert [(e.label, e.index, e.seconds) for e in found] == [
        ("left", 0, 0.25),
        ("right", 2, 1.0),
        ("left", 0, 1.25),
    ]
    assert [event.probability for event in found] == pytest.approx([0.8] * 3)
    assert shown == ["idle", "left", "left", "idle", "right", "left", "left"]
    decoder.reset()
    assert decoder.shown == "idle" and decoder.probabilities.tolist() == [0, 0, 0]


def test_without_background_the_first_class_is_an_event():
    decoder = SmoothedEvents(Smoother(("left", "right")))
    assert decoder.shown == ""
    assert [event.label for event in decoder.step(np.array([0.0, 1.0]), 0.0)] == ["right"]
