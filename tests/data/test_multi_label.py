"""Videos with several classes: lists, clips, flips, batches. Covers parts of several modules."""

import numpy as np
import pytest
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader, multi_hot
from tsm_tf.data.pipeline import clip_dataset, with_soft_labels
from tsm_tf.data.timeline import timelines
from tsm_tf.data.video import NO_CLASS_KNOWN

LABELS = ("Swiping Left", "Swiping Right", "Waving")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, multi_label=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_data(tmp_path_factory.mktemp("data"), {"train": 6, "val": 5}, labels=LABELS)
    for split, count in (("train", 6), ("val", 5)):
        classes = ("0,2", "1", "0,1", "2,0", "1,2", "0")
        lines = [f'"{split} {i}.mp4" -1 {classes[i]}\n' for i in range(count)]
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def test_lists(data):
    listing = Listing(data)
    assert listing.is_multi_label
    assert [video.label for video in listing.videos("val")] == [0, 1, 0, 2, 1]
    found = [set(video.classes or (video.label,)) for video in listing.videos("val")]
    assert found == [{0, 2}, {1}, {0, 1}, {0, 2}, {1, 2}]


def test_clips_have_a_number_for_each_class(data):
    assert multi_hot((2, 0), 4).tolist() == [1, 0, 1, 0]
    assert multi_hot((NO_CLASS_KNOWN,), 3).tolist() == [0, 0, 0]
    listing = Listing(data)
    loader = ClipLoader(listing.videos("val"), SPEC, listing.source)
    labels = [loader.load(0, index)[1] for index in range(5)]
    assert np.stack(labels).tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
    assert {label.dtype for label in labels} == {np.dtype(np.float32)}


def test_flips_change_each_class(data):
    """Left becomes right; with a class that has no mirror image, a clip is never mirrored."""
    listing = Listing(data)

    def targets(flip_targets, index):
        augmentation = Augmentation(flip_targets=flip_targets)
        loader = ClipLoader(listing.videos("val"), SPEC, listing.source, augmentation)
        return {tuple(loader.load(epoch, index)[1].tolist()) for epoch in range(12)}

    assert targets((1, 0, 2), 0) == {(1, 0, 1), (0, 1, 1)}
    assert targets((1, 0, 2), 2) == {(1, 1, 0)}  # both sides
    assert targets((1, 0, None), 0) == {(1, 0, 1)}
    assert targets((1, 0, None), 1) == {(0, 1, 0), (1, 0, 0)}


def test_padding_and_bad_videos_do_not_count(data, tmp_path):
    share = Share(0, 1, replicas=2)
    batches = list(clip_dataset(data, SPEC, "val", 4, order=Order(share=share)))
    labels = np.concatenate([batch[1] for batch in batches])
    weights = np.concatenate([batch[2] for batch in batches])
    assert labels[:5].tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
    np.testing.assert_allclose(weights, [1.6] * 5 + [0] * 3)
    assert not labels[5:].any()

    for path in data.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "val 1.mp4").write_bytes(b"broken")
    (batch,) = clip_dataset(tmp_path, SPEC, "val", 8, skip_bad_videos=True)
    assert batch[1].numpy().tolist() == [[1, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]


def test_mixed_clips_have_shares_of_all_their_classes(data):
    augmentation = Augmentation(AugmentationSettings(mixup=1.0))
    order = Order(drop_last=True)
    plain = clip_dataset(data, SPEC, "train", 2, augmentation=Augmentation(), order=order)
    mixed = clip_dataset(data, SPEC, "train", 2, augmentation=augmentation, order=order)
    shares = []
    for (_, labels), (_, targets) in zip(plain, mixed, strict=True):
        one, other = labels.numpy()
        for target in targets.numpy():
            differs = one != other
            found = (target - other)[differs] / (one - other)[differs]
            share = float(found[0])
            shares.append(share)
            np.testing.assert_allclose(target, share * one + (1 - share) * other, atol=1e-4)
    assert any(0.01 < share < 0.99 for share in shares)
    for _, targets in with_soft_labels(clip_dataset(data, SPEC, "val", 5), 3):
        assert targets.numpy().tolist()[:2] == [[1, 0, 1], [0, 1, 0]]


def test_models_with_one_class_per_video_refuse_them(data):
    with refuses("data", "one class per video for a model", "val 0.mp4"):
        clip_dataset(data, SPEC.replace(multi_label=False), "val", 2)
    with refuses("data", "one class per video for streams", "val 0.mp4"):
        timelines(Listing(data).videos("val"))
