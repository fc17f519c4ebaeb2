"""Covers `loader` and `picture` too."""

import numpy as np
import pytest
import tensorflow as tf
from annotated_data import HEIGHT, WIDTH, coco_content, write_coco, write_published
from testing import refuses, video_frames

from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.observer import Observer
from tsm_tf.detection.data.class_names import VID_LABELS
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.detection.data.pipeline import detection_dataset
from tsm_tf.detector_spec import DetectorSpec

DOG, FOX = VID_LABELS.index("dog"), VID_LABELS.index("fox")
SPEC = DetectorSpec(
    backbone="resnet18", num_segments=3, input_height=HEIGHT, input_width=WIDTH, labels=VID_LABELS
)
FGFA_SPEC = DetectorSpec(
    backbone="resnet18",
    num_segments=3,
    input_height=HEIGHT,
    input_width=WIDTH,
    shift_mode="none",
    method="fgfa",
)


@pytest.fixture(scope="module")
def listing(tmp_path_factory):
    return DetectionListing(write_published(tmp_path_factory.mktemp("data with spaces")))


class Found(Observer):
    """Keeps the bad frames and the places of the samples."""

    def __init__(self):
        self.errors, self.places = [], []

    def bad_video(self, error):
        self.errors.append(error)

    def clip_ready(self, place):
        self.places.append(place)


def passes(dataset, count=1):
    """Returns the batches of each pass, as arrays: clips, boxes, classes."""
    return [
        [(clip.numpy(), y["boxes"].numpy(), y["classes"].numpy()) for clip, y in dataset]
        for _ in range(count)
    ]


def samples(dataset):
    """Returns all samples of the next pass."""
    arrays = zip(*passes(dataset)[0], strict=True)
    return list(zip(*map(np.concatenate, arrays), strict=True))


def frame_number(picture):
    """Which of the written pictures this is, mirrored or not."""
    for number in (*range(12), 50, 51, 52):
        expected = video_frames(HEIGHT, WIDTH, 3, seed=number)
        if (picture == expected).all():
            return number, False
        if (picture == expected[:, ::-1]).all():
            return number, True
    raise AssertionError("no such picture")


def test_validation_has_the_middle_of_each_video(listing):
    dataset = detection_dataset(listing, SPEC, "val", 2, training=False, max_boxes=4)
    clips, targets = dataset.element_spec
    assert clips.shape.as_list() == [None, 3, HEIGHT, WIDTH, 3] and clips.dtype == tf.uint8
    assert targets["boxes"].shape.as_list() == [None, 3, 4, 4]
    assert targets["boxes"].dtype == tf.float32 and targets["classes"].dtype == tf.int32
    assert dataset.cardinality() == 1

    ((clips, boxes, classes),) = passes(dataset)[0]
    assert [[frame_number(f) for f in clip] for clip in clips] == [
        [(0, False), (1, False), (2, False)],
        [(0, False), (1, False), (2, False)],
    ]
    expected = [[1, 2, 11, 12], [20, 8, 30, 30], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(boxes[0, 1], expected)
    np.testing.assert_array_equal(classes[0, 1], [DOG, FOX, -1, -1])


def test_training_has_windows_flips_and_still_images(listing):
    order = Order(seed=3)
    dataset = detection_dataset(listing, SPEC, "train", 4, training=True, order=order, max_boxes=2)
    mirrored, starts = set(), set()
    for _ in range(3):
        found = samples(dataset)
        assert len(found) == 7  # three images, and four key frames
        kinds = []
        for clip, boxes, classes in found:
            numbers, flips = zip(*map(frame_number, clip), strict=True)
            assert len(set(flips)) == 1
            mirrored.add(flips[0])
            kinds.append("still" if numbers[0] >= 50 else "video")
            starts.add(numbers[0])
            for t, number in enumerate(numbers):
                x = number - 45 if number >= 50 else number
                box = [x, 5, 25, 25] if number >= 50 else [x, 2, x + 10, 12]
                if classes[t, 0] == -1:  # the empty frame
                    assert number == 1 and not boxes[t].any()
                    continue
                if flips[0]:
                    box = [WIDTH - box[2], box[1], WIDTH - box[0], box[3]]
                assert classes[t, 0] == DOG and boxes[t, 0].tolist() == box
                assert (boxes[t, 1] == 0).all() == (classes[t, 1] == -1)
            steps = np.diff(numbers)
            assert (steps == (0 if numbers[0] >= 50 else 1)).all()
        assert sorted(kinds) == ["still"] * 3 + ["video"] * 4
    assert mirrored == {True, False} and len(starts) > 6


def test_a_resumed_training_sees_the_same_samples(listing):
    def batches(order):
        dataset = detection_dataset(
            listing, SPEC, "train", 2, training=True, order=order, cache_bytes=0
        )
        return [batch for one in passes(dataset, 2) for batch in one]

    whole = batches(Order(seed=5))
    resumed = batches(Order(seed=5, first_epoch=1, first_batch=2))
    assert len(whole) == 8
    for expected, found in zip(whole[6:], resumed[:2], strict=True):
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)
    different = batches(Order(seed=6))
    assert any(
        a[0].shape != b[0].shape or (a[0] != b[0]).any()
        for a, b in zip(whole, different, strict=True)
    )


def test_the_cache_changes_nothing(listing):
    def found(cache_bytes):
        dataset = detection_dataset(
            listing, SPEC, "train", 7, training=True, cache_bytes=cache_bytes
        )
        return [array for one in passes(dataset, 2) for batch in one for array in batch]

    frame = HEIGHT * WIDTH * 3
    for one, two, three in zip(found(0), found(5 * frame), found(1 << 30), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_frames_are_fitted_and_mirrored_without_the_padding(listing):
    spec = DetectorSpec(
        backbone="resnet18", num_segments=2, input_height=64, input_width=128, num_classes=30
    )
    dataset = detection_dataset(listing, spec, "VID_train_15frames", 4, training=True)
    for clip, boxes, classes in samples(dataset):
        assert (clip[:, :, 96:] == (123, 116, 103)).all() and clip.shape == (2, 64, 128, 3)
        for t in range(2):
            for box, label in zip(boxes[t], classes[t], strict=True):
                assert label == -1 or (box[2] - box[0], box[3] - box[1]) in {(20, 20), (20, 44)}
                assert label == -1 or box[2] <= 96


def test_fgfa_has_a_frame_and_two_others(listing):
    dataset = detection_dataset(listing, FGFA_SPEC, "train", 7, training=True, max_offset=2)
    for clip, boxes, classes in samples(dataset):
        key, *others = (frame_number(picture)[0] for picture in clip)
        assert len(boxes) == len(classes) == 1  # those of the first frame
        assert all(abs(other - key) <= 2 for other in others)
        assert key in (1, 6, 11, 4) if key < 50 else others == [key, key]


def test_the_largest_boxes_are_kept(listing):
    dataset = detection_dataset(listing, SPEC, "val", 2, training=False, max_boxes=1)
    ((_, boxes, classes),) = passes(dataset)[0]
    assert (classes == FOX).all() and (boxes == [20, 8, 30, 30]).all()


def test_two_processes_share_each_batch(listing):
    whole = detection_dataset(listing, SPEC, "train", 4, training=True, order=Order(drop_last=True))
    parts = [
        detection_dataset(
            listing,
            SPEC,
            "train",
            4,
            training=True,
            order=Order(drop_last=True, share=Share(index, 2)),
        )
        for index in range(2)
    ]
    ((clips, *_),) = passes(whole)[0]
    halves = [passes(part)[0][0][0] for part in parts]
    np.testing.assert_array_equal(clips, np.concatenate(halves))
    with refuses("drop_last", "true with several devices"):
        detection_dataset(listing, SPEC, "train", 4, training=True, order=Order(share=Share(0, 2)))


def test_progress_is_reported(listing):
    observer = Found()
    dataset = detection_dataset(listing, SPEC, "val", 2, training=False, observer=observer)
    passes(dataset, 2)
    assert sorted(observer.places) == [0, 1, 2, 3] and not observer.errors


def spoil(data, kind):
    if kind == "annotation":
        path = data / "Annotations/VID/val/w1/000001.xml"
        path.write_text(path.read_text().replace("<xmin>1<", "<xmin>?<"))
        return f"see {path}:13."
    if kind == "size":
        path = data / "Annotations/VID/val/w1/000001.xml"
        path.write_text(path.read_text().replace("<width>48<", "<width>49<"))
        return "the size of the picture, which is 48x32"
    picture = data / "Data/VID/val/w1/000001.JPEG"
    if kind == "missing":
        picture.unlink()
        return "must have all its images"
    picture.write_bytes(picture.read_bytes()[:100])
    return "000001.JPEG is cut off"


@pytest.mark.parametrize("kind", ["annotation", "size", "missing", "cut off"])
def test_a_bad_frame_ends_the_pass_and_names_its_file(tmp_path, kind):
    data = write_published(tmp_path)
    words = spoil(data, kind)
    observer = Found()
    dataset = detection_dataset(data, SPEC, "val", 2, training=False, observer=observer)
    with pytest.raises(tf.errors.OpError):
        passes(dataset)
    (error,) = observer.errors
    assert words in str(error) and not error.is_skippable
    assert error.path == "val/w1, frame 1"


def test_other_labels_or_no_samples(listing, tmp_path):
    spec = DetectorSpec(backbone="resnet18", num_classes=2, labels=("a", "b"))
    with refuses("data", "the model's classes ('a', 'b')"):
        detection_dataset(listing, spec, "val", 2, training=False)

    content = coco_content()
    content["images"] = [content["images"][-1]]
    content["annotations"] = []
    spec = DetectorSpec(backbone="resnet18", num_classes=2)
    with refuses("data", "frames to train on in the split train"):
        detection_dataset(write_coco(tmp_path, content), spec, "train", 2, training=True)
