"""Boxes of videos: the file, and how they move with the pixels; also the loaders' use of them."""

import numpy as np
import pytest
from boxes import random_boxes, write_boxes
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.data.boxes import Boxes, Window, boxes_for
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.video import Video
from tsm_tf.data.views import Views

SPEC = ModelSpec("i3d_r50_gcn", num_classes=2, num_segments=4, input_size=32, width=0.125)
VIDEO = Video("/x.mp4", "x.mp4", 8, 0)


class Square:
    """A source of frames of 64x48 pixels with a bright square that moves, and its boxes."""

    modality = "rgb"

    def __init__(self):
        self.frames = np.zeros((8, 48, 64, 3), np.uint8)
        self.boxes = np.zeros((1, 8, 2, 4), np.float32)
        for t in range(8):
            x, y = 20 + 2 * t, 14 + t
            self.frames[t, y : y + 8, x : x + 10] = 255
            self.boxes[0, t, 0] = (x / 64, y / 48, (x + 10) / 64, (y + 8) / 48)
            self.boxes[0, t, 1] = (0, 0, 1, 1)

    def num_frames(self, path):
        return len(self.frames)

    def read(self, path, indices, short_side, interpolation):
        return self.frames[np.asarray(indices)]

    def loader(self, augmentation=None):
        boxes = Boxes({"x.mp4": 0}, self.boxes)
        return ClipLoader([VIDEO], SPEC, self, augmentation, boxes=boxes)


def assert_boxes_fit(clip, boxes):
    """The first box of every second frame is where its pixels are bright; the second is all."""
    assert boxes.shape == (2, 2, 4)
    for frame, (box, whole) in zip(clip[::2], boxes, strict=True):
        bright = frame[..., 0] > 127
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        np.testing.assert_allclose(box, found, atol=1.01)
        np.testing.assert_array_equal(whole, [0, 0, 31, 31])


def test_boxes_move_with_the_pixels_of_training_clips():
    augmentation = Augmentation(AugmentationSettings(scales=(1, 0.875)), flip_targets=(0, 1))
    loader = Square().loader(augmentation)
    mirrored = 0
    for epoch in range(12):
        clip, label, boxes = loader.load(epoch, 0)
        assert_boxes_fit(clip, boxes)
        assert label == 0
        mirrored += boxes[0, 0, 0] > boxes[1, 0, 0]  # the square moves to the right
    assert 0 < mirrored < 12


def test_boxes_move_with_the_pixels_of_views():
    views, boxes = Square().loader().load_views(0, Views(2, 10, "twice"))
    assert boxes.shape == (20, 2, 2, 4)
    compared = 0
    for clip, regions in zip(views, boxes, strict=True):
        bright = clip[::2, ..., 0] > 127
        touches = bright[:, [0, -1]].any() or bright[:, :, [0, -1]].any()
        if bright.any((1, 2)).all() and not touches:  # wholly in the crop
            assert_boxes_fit(clip, regions)
            compared += 1
    assert compared >= 4
    (*_, label, centre) = Square().loader().load(0, 0)
    assert label == 0
    clip, regions = (array[0] for array in Square().loader().load_views(0))
    assert_boxes_fit(clip, regions)
    np.testing.assert_array_equal(centre, regions)


def test_a_window_by_hand():
    boxes = np.array([0.25, 0.5, 0.75, 1], np.float32)
    window = Window(frame=(40, 20), crop=(20, 10, 10, 5), size=100)
    np.testing.assert_allclose(window.move(boxes), [0, 50, 99, 99])
    smaller = np.array([0.3, 0.5, 0.5, 0.6], np.float32)
    np.testing.assert_allclose(window.move(smaller), [10, 50, 50, 70], atol=1e-4)
    mirrored = Window(frame=(40, 20), crop=(20, 10, 10, 5), size=100, is_mirrored=True)
    np.testing.assert_allclose(mirrored.move(smaller), [50, 50, 90, 70], atol=1e-4)


def test_the_file_in_a_data_folder(tmp_path):
    data = write_data(tmp_path, {"train": 3, "val": 3})
    with pytest.raises(FileNotFoundError, match=r"`data`.*boxes\.npz.*i3d_r50_gcn takes boxes"):
        clip_dataset(data, SPEC, "val", 2)
    assert boxes_for(SPEC.replace(backbone="i3d_r50_replace"), str(data), []) is None

    videos = [video for split in ("train", "val") for video in Listing(data).videos(split)]
    names = sorted({video.name for video in videos})
    write_boxes(data, names, random_boxes(len(names)))
    for augmentation in (None, Augmentation()):
        split = "val" if augmentation is None else "train"
        dataset = clip_dataset(data, SPEC, split, 2, augmentation=augmentation)
        (clips, boxes), labels = next(iter(dataset))
        assert clips.shape == (2, 4, 32, 32, 3) and boxes.shape == (2, 2, 3, 4)
        assert labels.shape == (2,)
        assert boxes.numpy().min() >= 0 and boxes.numpy().max() <= 31
    for name in ("mixup", "cutmix"):
        settings = AugmentationSettings(**{name: 0.2})
        with refuses(name, "0", "takes boxes"):
            clip_dataset(data, SPEC, "train", 2, augmentation=Augmentation(settings))

    write_boxes(data, names[1:], random_boxes(len(names) - 1))
    with refuses("boxes", "all videos", "lacks 1 of them", names[0]):
        boxes_for(SPEC, str(data), videos)


BAD = {
    "outside": (["a"], [[[[0, 0, 1.5, 1]]]], ("in the frame", "1.5", "of a")),
    "reversed": (["a"], [[[[0.5, 0, 0.25, 1]]]], ("in the frame", "0.25")),
    "not a number": (["a"], [[[[0, 0, np.nan, 1]]]], ("in the frame", "nan")),
    "shape": (["a"], [[[0, 0, 1, 1]]], ("[videos, times, R, 4]", "(1, 1, 4)")),
    "count": (["a", "b"], [[[[0, 0, 1, 1]]]], ("one row of boxes", "2 names")),
    "twice": (["a", "a"], [[[[0, 0, 1, 1]]]] * 2, ("distinct",)),
}


@pytest.mark.parametrize(("names", "values", "parts"), BAD.values(), ids=BAD)
def test_refuses_bad_files(names, values, parts, tmp_path):
    write_boxes(tmp_path, names, values)
    with refuses("boxes", *parts):
        boxes_for(SPEC, str(tmp_path), [])


def test_refuses_other_files(tmp_path):
    (tmp_path / "boxes.npz").write_bytes(b"text")
    with refuses("boxes", "names and boxes", "boxes.npz"):
        boxes_for(SPEC, str(tmp_path), [])
    np.savez(tmp_path / "boxes.npz", names=np.array(["a"]))
    with refuses("boxes", "names and boxes", "boxes.npz"):
        boxes_for(SPEC, str(tmp_path), [])
