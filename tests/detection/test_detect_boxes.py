import keras
import numpy as np
from detection_golden import golden, half_open, tensors
from testing import array

from tsm_tf.detection.detect_boxes import DetectBoxes, detect_boxes
from tsm_tf.detection.position_pool import PositionPool

SCALE = 0.8


def golden_head():
    """Regions, probabilities and deltas: pooled, mean of the votes, softmax."""
    g = golden()
    rois = half_open(g["head/rois"][None, :, 1:])
    maps = [g[f"head/{name}_map"].transpose(0, 2, 3, 1) for name in ("cls", "box")]
    logits, deltas = (PositionPool(3, 16)(m, rois) for m in maps)
    return rois, keras.ops.softmax(logits), deltas[..., 4:]


def test_golden():
    rois, probabilities, deltas = golden_head()
    np.testing.assert_allclose(array(probabilities)[0], golden()["head/prob"], atol=1e-5)

    others = np.delete(np.arange(30), 21)  # region 21 has the scores of region 19
    inputs = [array(x)[:, others] for x in (rois, probabilities, deltas)]
    layer = DetectBoxes(150, 176, 240, threshold=1.0)
    boxes, classes, _, count = (array(x)[0] for x in layer(*inputs))

    expected = golden()["head/boxes"][others, 4:]
    order = np.argsort(-inputs[1][0, :, 1:].T, axis=None)
    assert count == 4 * 29  # all of them
    np.testing.assert_array_equal(classes[:count], order // 29)
    inclusive = (boxes[:count] - [0, 0, 1, 1]) / SCALE
    np.testing.assert_allclose(inclusive, expected[order % 29], atol=1e-4)


def test_golden_detections():
    """The original suppresses boxes in pixels of the frame before scaling."""
    boxes = half_open(golden()["head/boxes"][None, :, 4:]).astype(np.float32)
    found = [array(x)[0] for x in detect_boxes(*tensors(boxes, golden()["head/prob"][None]), 80)]
    boxes, classes, scores, count = found
    rows = np.column_stack([classes + 1, boxes - [0, 0, 1, 1], scores])

    expected = golden()["head/detections"]
    assert count == len(expected)
    assert (np.diff(scores[:count]) <= 0).all()
    best_first = expected[np.lexsort((-expected[:, 5],))]
    np.testing.assert_array_equal(classes[:count] + 1, best_first[:, 0])
    np.testing.assert_allclose(rows[:count], best_first, atol=1e-4)
    assert (boxes[count:] == 0).all() and (scores[count:] == 0).all()
    np.testing.assert_array_equal(classes[count:], -1)


def test_in_a_saved_model(tmp_path):
    rois, probabilities, deltas = (array(x) for x in golden_head())
    inputs = [keras.Input(x.shape[1:]) for x in (rois, probabilities, deltas)]
    layer = DetectBoxes(8, 176, 240, score_threshold=0.1)
    keras.Model(inputs, layer(*inputs)).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert [x.shape for x in loaded.outputs] == [(None, 8, 4), (None, 8), (None, 8), (None,)]
    found = loaded.predict_on_batch(
        [np.repeat(x, 2, axis=0) for x in (rois, probabilities, deltas)]
    )
    for a, b in zip(found, layer(rois, probabilities, deltas), strict=True):
        np.testing.assert_allclose(a, np.repeat(array(b), 2, axis=0), atol=1e-4)
