import keras
import numpy as np
import pytest
from detection_golden import golden, half_open, tensors
from testing import array

from tsm_tf.detection.boxes import clip_boxes, decode_boxes, encode_boxes, iou


def golden_boxes(name):
    return half_open(golden()[f"boxes/{name}"])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="not all others use double")
def test_golden_in_double():
    start, end, deltas = tensors(golden_boxes("from"), golden_boxes("to"), golden()["boxes/deltas"])
    sets = [decode_boxes(deltas[:, i : i + 4], start) for i in (0, 4)]
    decoded = np.concatenate([array(x) for x in sets], axis=-1)
    clipped = np.concatenate([array(clip_boxes(x, 200, 300)) for x in sets], axis=-1)

    np.testing.assert_allclose(array(encode_boxes(end, start)), golden()["boxes/encoded"], 0, 1e-9)
    np.testing.assert_allclose(decoded, golden_boxes("decoded"), 0, 1e-9)
    np.testing.assert_allclose(clipped, golden_boxes("decoded_clipped_200x300"), 0, 1e-9)
    np.testing.assert_allclose(array(iou(start, end)), golden()["boxes/iou"], 0, 1e-9)


def test_golden_in_single():
    arrays = golden_boxes("from"), golden_boxes("to"), golden()["boxes/deltas"][:, :4]
    start, end, deltas = tensors(*(x.astype("float32") for x in arrays))
    encoded, decoded = array(encode_boxes(end, start)), array(decode_boxes(deltas, start))

    assert encoded.dtype == decoded.dtype == np.float32
    np.testing.assert_allclose(encoded, golden()["boxes/encoded"], 0, 1e-4)
    np.testing.assert_allclose(decoded, golden_boxes("decoded")[:, :4], 0, 1e-4)
    np.testing.assert_allclose(array(iou(start, end)), golden()["boxes/iou"], 0, 1e-4)


def test_iou_of_pairs():
    a = np.array([[0, 0, 2, 2], [1, 1, 1, 1], [5, 5, 6, 6]], np.float32)
    b = np.array([[1, 0, 3, 2], [1, 1, 1, 1]], np.float32)
    expected = np.array([[2 / 6, 0], [0, 0], [0, 0]], np.float32)
    np.testing.assert_allclose(array(iou(*tensors(a, b))), expected, atol=1e-7)

    one, other = tensors(np.stack([a, a + 1]), np.stack([b, b + 1]))
    np.testing.assert_allclose(array(iou(one, other)), np.stack([expected, expected]), atol=1e-7)
    assert tuple(iou(one[0], other).shape) == (2, 3, 2)
