import numpy as np
import pytest
from detection_golden import golden, gradient
from testing import array, frames

from tsm_tf.detection.losses import head_losses, proposal_losses, roi_losses, smooth_l1


@pytest.mark.parametrize("sigma", [1, 3])
def test_golden_smooth_l1(sigma):
    found = array(smooth_l1(golden()["smooth_l1/x"], sigma))
    np.testing.assert_allclose(found, golden()[f"smooth_l1/sigma{sigma}"], atol=1e-5)


def test_golden_gradient():
    labels = golden()["ohem/labels"].astype(np.int32)[None]
    zeros = np.zeros((1, 43, 4), np.float32)

    def class_loss(logits):
        return head_losses(logits, zeros, labels, zeros)[0]

    found = gradient(class_loss, golden()["ohem/cls_score"][None])[0]
    np.testing.assert_allclose(found, golden()["ohem/grad_cls_score"], atol=1e-5)


def test_each_image_by_hand():
    logits, deltas, targets = frames(2, 5, 2), frames(2, 5, 4, seed=1), frames(2, 5, 4, seed=2)
    labels = np.array([[1, 0, -1, 0, 1], [-1, -1, -1, -1, -1]], np.int32)
    class_loss, box_loss = (
        array(x) for x in proposal_losses(logits, deltas, labels, targets, count=8)
    )

    log = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    rows = [0, 1, 3, 4]
    cross_entropy = -log[0, rows, labels[0, rows]]
    distance = np.abs(deltas - targets)[0, [0, 4]]
    l1 = np.where(distance < 1, distance**2 / 2, distance - 0.5).sum(-1)
    np.testing.assert_allclose(class_loss, [cross_entropy.mean(), 0], rtol=1e-5)
    np.testing.assert_allclose(box_loss, [l1.sum() / 8, 0], rtol=1e-5)

    regions = array(roi_losses(logits, deltas, labels, targets))
    expected = cross_entropy + np.array([l1[0], 0, 0, l1[1]])
    np.testing.assert_allclose(regions[0, rows], expected, rtol=1e-5)
    np.testing.assert_array_equal(np.delete(regions, rows, axis=1)[0], 0)
