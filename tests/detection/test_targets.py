import keras
import numpy as np
import pytest
from detection_golden import golden, half_open, tensors
from testing import array, frames

from tsm_tf.detection.losses import head_losses, roi_losses
from tsm_tf.detection.targets import assign_rois, hardest, sample_anchors


def labels_of(objects, background, ignored):
    values = np.repeat([1, 0, -1], [objects, background, ignored]).astype(np.int32)
    return np.random.default_rng(objects).permutation(values)


@pytest.mark.parametrize("batch", [1, 3])
def test_sample_of_anchors(batch):
    labels = np.stack([labels_of(200, 700, 100), labels_of(5, 60, 935), labels_of(0, 1000, 0)])
    labels = labels[:batch]
    seed = keras.random.SeedGenerator(3)
    kept, others = (array(sample_anchors(labels, seed)) for _ in range(2))

    counts = [(np.sum(row == 1), np.sum(row == 0)) for row in kept]
    assert counts == [(128, 128), (5, 60), (0, 256)][:batch]
    assert ((kept == labels) | (kept == -1)).all()
    assert (kept[0] != others[0]).any()
    again = array(sample_anchors(labels, keras.random.SeedGenerator(3)))
    np.testing.assert_array_equal(again, kept)


def test_golden_regions():
    true = np.concatenate([golden()["rcnn/gt"], np.full((2, 5), -1, np.float32)])
    proposals = half_open(golden()["rcnn/rois_in"][:, 1:])
    classes = np.where(true[:, 4] > 0, true[:, 4] - 1, -1)  # from 0
    rois, labels, deltas = (
        array(x)[0]
        for x in assign_rois(proposals[None], half_open(true[None, :, :4]), classes[None])
    )

    np.testing.assert_array_equal(labels[-2:], -1)  # padding
    is_object = labels > 0
    order = [*np.flatnonzero(is_object), *np.flatnonzero(labels == 0)]
    expected = golden()["rcnn/labels"]
    found = {tuple(np.round(r, 3)): i for i, r in enumerate(rois)}
    golden_rois = half_open(golden()["rcnn/rois"][:, 1:])
    assert len(order) >= len(golden_rois)
    rows = [found[tuple(np.round(roi, 3))] for roi in golden_rois]
    np.testing.assert_array_equal(labels[rows], expected)
    targets = golden()["rcnn/targets"][:, 4:] * golden()["rcnn/weights"][:, 4:]
    np.testing.assert_allclose(deltas[rows], targets, atol=1e-4)


def test_images_without_objects():
    rois = np.abs(frames(2, 6, 4)).cumsum(-1) * 10
    boxes, classes = np.zeros((2, 3, 4), np.float32), np.full((2, 3), -1)
    boxes[1, 2], classes[1, 2] = rois[1, 4], 6
    rois, labels, deltas = assign_rois(rois, boxes, classes)
    labels, deltas = array(labels), array(deltas)

    np.testing.assert_array_equal(labels[0], [0] * 6 + [-1] * 3)
    assert labels[1, 4] == labels[1, 8] == 7 and (labels[1, 6:8] == -1).all()
    np.testing.assert_array_equal(deltas[0], 0)
    np.testing.assert_array_equal(deltas[1, [4, 8]], 0)
    assert np.isfinite(deltas).all() and (array(rois)[0, 6:] == [0, 0, 1, 1]).all()


def golden_head():
    g = golden()
    labels = g["rcnn/labels"].astype(np.int32)[None]
    return g["ohem/cls_score"][None], g["ohem/bbox_pred"][None, :, 4:], labels


def test_golden_mining():
    logits, deltas, labels = golden_head()
    targets = golden()["rcnn/targets"][None, :, 4:]
    losses = roi_losses(logits, deltas, labels, targets)
    kept = hardest(labels, losses, 16)
    np.testing.assert_array_equal(array(kept)[0], golden()["ohem/labels"])

    class_loss, box_loss = head_losses(logits, deltas, kept, targets, 16)
    np.testing.assert_allclose(array(class_loss), golden()["ohem/loss_cls"], atol=1e-5)
    np.testing.assert_allclose(array(box_loss), golden()["ohem/loss_box"], atol=1e-5)


def test_mining_of_padding_and_of_few_regions():
    labels = np.array([[0, -1, 2, 0], [-1, -1, -1, 1]])
    losses = np.array([[0.2, 9.0, 0.1, 0.3], [5.0, 6.0, 7.0, 0.0]], np.float32)
    kept, everything = (array(hardest(*tensors(labels, losses), count)) for count in (2, 9))
    np.testing.assert_array_equal(kept, [[0, -1, -1, 0], [-1, -1, -1, 1]])
    np.testing.assert_array_equal(everything, labels)
