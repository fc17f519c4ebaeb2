import keras
import numpy as np
import pytest
import tensorflow as tf
from detectors import samples, small_spec
from testing import array

from tsm_tf.detection.anchors import assign_anchors
from tsm_tf.detection.losses import head_losses, proposal_losses
from tsm_tf.detection.recipes import get_recipe
from tsm_tf.detection.rfcn import anchors_of, build_detector
from tsm_tf.detection.targets import assign_rois
from tsm_tf.detection.training.model import DetectorTraining
from tsm_tf.detection.training.start import freeze

RECIPE = get_recipe("shapes", anchor_samples=16, hard_regions=8)


def training(seed=0, **fields):
    keras.utils.set_random_seed(seed)
    return DetectorTraining(build_detector(small_spec(**fields)), RECIPE)


@pytest.mark.slow
def test_fit_learns_where_and_what_objects_are():
    model = training(num_proposals=16, pooling="align")
    model.compile(keras.optimizers.AdamW(3e-3))
    clips, targets = samples(8, model.clip_model.spec)
    history = model.fit(clips, targets, batch_size=4, epochs=60, shuffle=False, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    for name in model.parts:
        assert history[name][-1] >= 0

    dataset = tf.data.Dataset.from_tensor_slices((clips, targets)).batch(4)
    assert model.evaluate(dataset, return_dict=True)["mAP"] > 0.5


def test_the_loss_is_the_sum_of_four():
    """With as many anchors and regions as there are, nothing is drawn."""
    model = training()
    model.recipe = get_recipe("shapes", anchor_samples=10_000, hard_regions=10_000)
    clips, targets = samples(1, model.clip_model.spec)
    outputs = model(clips, training=True)
    loss = float(model.compute_loss(y=targets, y_pred=outputs))

    boxes, classes = targets["boxes"].reshape(3, 3, 4), targets["classes"].reshape(3, 3)
    anchors = anchors_of(model.clip_model.spec, outputs["class_maps"])
    labels, deltas = assign_anchors(anchors, boxes, classes >= 0, 48, 64)
    expected = proposal_losses(
        outputs["object_logits"], outputs["object_deltas"], labels, deltas, 10_000
    )
    total = sum(float(keras.ops.mean(x)) for x in expected)

    rois, labels, deltas = assign_rois(outputs["rois"], boxes, classes)
    logits, found = (
        model.clip_model.get_layer(f"{name}_pool")(outputs[f"{name}_maps"], rois)
        for name in ("class", "box")
    )
    total += sum(
        float(keras.ops.mean(x)) for x in head_losses(logits, found, labels, deltas, 10_000)
    )
    assert loss == pytest.approx(total, rel=1e-5)


def test_frames_without_objects_count():
    model = training()
    clips, targets = samples(1, model.clip_model.spec)
    targets = {name: x.copy() for name, x in targets.items()}
    targets["classes"][:] = -1
    loss = float(model.compute_loss(y=targets, y_pred=model(clips, training=True)))
    assert 0 < loss < 10


def test_frozen_layers_stay():
    model = training()
    detector = model.clip_model
    freeze(detector, get_recipe("shapes", freeze_batch_norms=True, frozen_stages=1))
    before = {v.path: array(v) for v in detector.variables}
    clips, targets = samples(2, detector.spec)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(clips, targets, batch_size=2, epochs=1, verbose=0)
    changed = {v.path for v in detector.variables if not np.array_equal(before[v.path], array(v))}
    assert "layer2_0_conv1/kernel" in changed and "feat_conv/kernel" in changed
    assert not any(path.startswith(("conv1/", "layer1")) or "_bn" in path for path in changed)
