"""MixUp and CutMix in `clip_dataset`: exact, and the same for any number of processes."""

import numpy as np
import pytest
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.data.epoch_order import Order, Schedule, Share
from tsm_tf.data.mixing import Mixing, mix_clips
from tsm_tf.data.pipeline import clip_dataset, with_soft_labels

SPEC = ModelSpec(
    num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=2, input_size=32
)
MIXED = Augmentation(AugmentationSettings(mixup=0.8, cutmix=1.0, randaugment_ops=1))
PLAIN = Augmentation(AugmentationSettings(randaugment_ops=1))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 3}, size=(40, 32))


def batches(data, batch_size, augmentation=MIXED, epochs=1, **order):
    order = Order(**{"seed": 5, "drop_last": True, **order})
    dataset = clip_dataset(data, SPEC, "train", batch_size, augmentation=augmentation, order=order)
    return [(c.numpy(), y.numpy()) for _ in range(epochs) for c, y in dataset]


def test_clips_are_mixed_with_their_neighbours(data):
    order = Schedule(8, 4, Order(seed=5), shuffle=True).indices(0).reshape(2, 4)
    for indices, plain, mixed in zip(order, batches(data, 4, PLAIN), batches(data, 4), strict=True):
        regions = np.stack([Mixing(0.8, 1.0, 5).region(0, int(i), 32) for i in indices])
        clips, labels = mix_clips(plain[0], np.eye(2, dtype=np.float32)[plain[1]], regions)
        np.testing.assert_array_equal(mixed[0], clips)
        np.testing.assert_array_equal(mixed[1], labels)
        assert mixed[1].dtype == np.float32 and mixed[1].shape == (4, 2)
        assert not np.array_equal(mixed[0], plain[0])


def test_several_processes_and_devices_load_what_one_does(data):
    alone = batches(data, 4, epochs=2)
    parts = [batches(data, 4, epochs=2, share=Share(index, 2)) for index in range(2)]
    for whole, *shares in zip(alone, *parts, strict=True):
        for number in range(2):
            joined = np.concatenate([share[number] for share in shares])
            np.testing.assert_array_equal(joined, whole[number])
    devices = batches(data, 4, epochs=2, share=Share(replicas=2))
    for number in range(2):
        np.testing.assert_array_equal(
            np.concatenate([batch[number] for batch in devices]),
            np.concatenate([batch[number] for batch in alone]),
        )


def test_a_resumed_training_mixes_the_same(data):
    whole = batches(data, 4, epochs=2)
    rest = batches(data, 4, first_epoch=1, first_batch=1)
    assert len(rest) == 1
    for number in range(2):
        np.testing.assert_array_equal(rest[0][number], whole[3][number])


def test_bad_videos_are_left_out_before_clips_are_mixed(tmp_path):
    folder = write_data(tmp_path, {"train": 4}, size=(40, 32))
    (folder / "train 2.mp4").write_text("broken")
    dataset = clip_dataset(
        folder, SPEC, "train", 4, augmentation=MIXED, skip_bad_videos=True, order=Order(seed=1)
    )
    ((clips, labels),) = list(dataset)
    assert clips.shape == (3, 2, 32, 32, 3)
    np.testing.assert_allclose(labels.numpy().sum(axis=1), 1, atol=1e-6)


def test_devices_must_hold_whole_pairs(data):
    with refuses("batch_size", "multiple of 4", "6"):
        batches(data, 6, share=Share(0, 2))
    with refuses("drop_last", "true to mix clips on several devices"):
        batches(data, 4, share=Share(0, 2), drop_last=False)


def test_validation_labels_become_soft_with_their_weights(data):
    share = Share(replicas=2)
    plain = clip_dataset(data, SPEC, "val", 2, order=Order(share=share))
    soft = with_soft_labels(plain, 2)
    for (clips, labels, weights), (same, probabilities, kept) in zip(plain, soft, strict=True):
        np.testing.assert_array_equal(clips, same)
        np.testing.assert_array_equal(weights, kept)
        np.testing.assert_array_equal(probabilities, np.eye(2)[labels])
