import numpy as np
from detection_golden import golden, half_open
from testing import array

from tsm_tf.detection.boxes import clip_boxes, decode_boxes, encode_boxes, iou


def golden_boxes(name):
    return half_open(golden()[f"boxes/{name}"])


def test_golden_in_double():
    start, end = golden_boxes("from"), golden_boxes("to")
    deltas = golden()["boxes/deltas"]
    decoded = np.concatenate(
        [array(decode_boxes(deltas[:, i : i + 4], start)) for i in (0, 4)], axis=-1
    )
    clipped = np.concatenate(
        [array(clip_boxes(decoded[:, i : i + 4], 200, 300)) for i in (0, 4)], axis=-1
    )

    np.testing.assert_allclose(array(encode_boxes(end, start)), golden()["boxes/encoded"], 0, 1e-9)
    np.testing.assert_allclose(decoded, golden_boxes("decoded"), 0, 1e-9)
    np.testing.assert_allclose(clipped, golden_boxes("decoded_clipped_200x300"), 0, 1e-9)
    np.testing.assert_allclose(array(iou(start, end)), golden()["boxes/iou"], 0, 1e-9)


def test_golden_in_single():
    start, end = (golden_boxes(name).astype("float32") for name in ("from", "to"))
    deltas = golden()["boxes/deltas"].astype("float32")[:, :4]
    encoded, decoded = array(encode_boxes(end, start)), array(decode_boxes(deltas, start))

    assert encoded.dtype == decoded.dtype == np.float32
    np.testing.assert_allclose(encoded, golden()["boxes/encoded"], 0, 1e-4)
    np.testing.assert_allclose(decoded, golden_boxes("decoded")[:, :4], 0, 1e-4)
    np.testing.assert_allclose(array(iou(start, end)), golden()["boxes/iou"], 0, 1e-4)


def test_iou_of_pairs():
    a = np.array([[0, 0, 2, 2], [1, 1, 1, 1], [5, 5, 6, 6]], np.float32)
    b = np.array([[1, 0, 3, 2], [1, 1, 1, 1]], np.float32)
    expected = np.array([[2 / 6, 0], [0, 0], [0, 0]], np.float32)
    np.testing.assert_allclose(array(iou(a, b)), expected, atol=1e-7)

    stacks = np.stack([a, a + 1]), np.stack([b, b + 1])
    np.testing.assert_allclose(array(iou(*stacks)), np.stack([expected, expected]), atol=1e-7)
    assert iou(a, stacks[1]).shape == (2, 3, 2)
