import numpy as np

from tsm_tf import ModelSpec
from tsm_tf.predict.classes import NO_CLASS, describe, rank

LABELS = ("left", "right", "up", "down")
SPEC = ModelSpec(num_classes=4, labels=LABELS)
LOGITS = np.log(np.array([0.1, 0.6, 0.25, 0.05], np.float32))


def test_most_probable_classes_first():
    classes = rank(LOGITS, SPEC, 3)
    assert [(row.number, row.name) for row in classes] == [(1, "right"), (2, "up"), (0, "left")]
    np.testing.assert_allclose([row.probability for row in classes], [0.6, 0.25, 0.1], rtol=1e-6)
    assert classes[0].logit == float(LOGITS[1])
    assert describe(classes) == "   60.0%  right\n   25.0%  up\n   10.0%  left"
    assert [row.number for row in rank(LOGITS, SPEC, 9)] == [1, 2, 0, 3]


def test_class_numbers_instead_of_names():
    spec = ModelSpec(num_classes=4)
    assert [row.name for row in rank(LOGITS, spec, 2)] == ["1", "2"]


def test_large_logits_are_certain():
    classes = rank(np.array([1e4, 0, -1e4, 2e4], np.float32), SPEC, 4)
    assert [row.probability for row in classes] == [1, 0, 0, 0] and classes[0].number == 3


def test_a_multi_label_model_gives_what_reaches_its_threshold():
    spec = SPEC.replace(multi_label=True, thresholds=(0.5, 0.9, 0.2, 0.5))
    classes = rank(np.array([0, 2, -1, -0.01], np.float32), spec, 1)  # 50%, 88%, 27%, 49.8%
    assert [row.name for row in classes] == ["left", "up"]
    assert classes[0].probability == 0.5
    assert rank(np.full(4, -5, np.float32), spec, 1) == []
    assert NO_CLASS in describe([])
