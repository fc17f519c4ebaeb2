"""The same videos in each layout give the same clips, for training and for evaluation."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from testing import refuses
from videos import encode, moving_square

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order
from tsm_tf.data.listing import Listing
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.sources.video_file import read_frames

LABELS = ("point", "wave it")
NAMES = tuple(f"{label}/{number}.mp4" for label in LABELS for number in range(3))
ROWS = tuple(zip(NAMES, (9, 10, 11, 12, 13, 14), strict=True))
SPEC = ModelSpec(num_classes=2, num_segments=3, input_size=32, labels=LABELS)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder with six videos in class folders, of several lengths."""
    folder = tmp_path_factory.mktemp("videos")
    for number, (name, length) in enumerate(ROWS):
        (folder / name).parent.mkdir(exist_ok=True)
        frames = moving_square(length, 48, 64)
        encode(folder / name, frames[:, :, ::-1] if number % 2 else frames)
    return folder


def label_of(name):
    return LABELS.index(name.partition("/")[0])


def lists(form, labels_file="labels.txt", list_file="{}.txt"):
    """Returns a function that copies the videos and writes lists for both splits."""

    def make(videos, root):
        shutil.copytree(videos, root)
        (root / labels_file).write_text("\n".join(LABELS) + "\n")
        for split in ("train", "val"):
            rows = [
                form.format(name=name, frames=length, label=label_of(name)) for name, length in ROWS
            ]
            (root / list_file.format(split)).write_text("\n".join(rows))

    return make


def json_lists(videos, root):
    shutil.copytree(videos, root)
    (root / "labels.txt").write_text("\n".join(LABELS))
    entries = [{"filename": name, "label": label_of(name)} for name in NAMES]
    for split in ("train", "val"):
        (root / f"{split}.json").write_text(json.dumps(entries))


def class_folders(videos, root):
    for split in ("train", "val"):
        shutil.copytree(videos, root / split)


def frame_folders(suffix, in_class_folders, **options):
    """Returns a function that stores the frames of the videos as images."""

    def make(videos, root):
        for split in ("train", "val"):
            for name, length in ROWS:
                parent = root / split if in_class_folders else root
                folder = parent / name.removesuffix(".mp4")
                folder.mkdir(parents=True, exist_ok=True)
                frames = read_frames(videos / name, range(length))
                for number, frame in enumerate(frames, 1):
                    Image.fromarray(frame).save(folder / f"img_{number:05}{suffix}", **options)
            if not in_class_folders:
                rows = [f"{name[:-4]} {length} {label_of(name)}" for name, length in ROWS]
                (root / f"{split}_videofolder.txt").write_text("\n".join(rows))
        if not in_class_folders:
            (root / "category.txt").write_text("\n".join(LABELS))

    return make


VIDEOS = {
    "TSN": lists("{name} {frames} {label}", "category.txt", "{}_videofolder.txt"),
    "MMAction2": lists("{name} {label}", list_file="kinetics400_{}_list_videos.txt"),
    "commas": lists("{name},{label}", list_file="{}.csv"),
    "quotes": lists("'{name}' -1 {label}"),
    "JSON": json_lists,
    "class folders": class_folders,
    "lossless images": frame_folders(".png", in_class_folders=False),
    "lossless images in class folders": frame_folders(".png", in_class_folders=True),
}
IMAGES = {
    "images": frame_folders(".jpg", in_class_folders=False, quality=95),
    "images in class folders": frame_folders(".jpg", in_class_folders=True, quality=95),
}


def clips(root):
    """Returns the clips and labels of evaluation, and of an epoch of training."""
    listing = Listing(root)
    assert listing.labels == LABELS
    augmentation = Augmentation(flip_targets=(0, 1))
    found = []
    for split, options in (
        ("val", {}),
        ("train", {"augmentation": augmentation, "order": Order(seed=3)}),
    ):
        (batch,) = clip_dataset(listing, SPEC, split, 6, **options)
        found += [array.numpy() for array in batch]
    return found


@pytest.fixture(scope="module")
def expected(videos, tmp_path_factory):
    root = tmp_path_factory.mktemp("lists") / "data"
    lists('"{name}" {frames} {label}')(videos, root)
    return clips(root)


@pytest.mark.parametrize("name", [*VIDEOS, *IMAGES])
def test_layouts_give_the_same_clips(videos, expected, tmp_path, name):
    ({**VIDEOS, **IMAGES}[name])(videos, tmp_path / "data")
    for got, wanted in zip(clips(tmp_path / "data"), expected, strict=True):
        if name in VIDEOS or wanted.ndim == 1:
            np.testing.assert_array_equal(got, wanted)
        else:
            difference = np.abs(got.astype(int) - wanted)
            assert 0 < difference.mean() < 2 and np.quantile(difference, 0.99) < 16


def test_a_share_for_validation_gives_each_video_once(videos, expected):
    listing = Listing(videos, val_share=0.34)
    names = {split: {v.name for v in listing.videos(split)} for split in ("train", "val")}
    assert names["train"] | names["val"] == set(NAMES)
    assert len(names["val"]) == 2 and len(names["train"]) == 4

    ((found, labels),) = clip_dataset(listing, SPEC, "val", 2)
    where = [NAMES.index(video.name) for video in listing.videos("val")]
    np.testing.assert_array_equal(found, expected[0][where])
    np.testing.assert_array_equal(labels, expected[1][where])


def test_videos_without_classes_are_loaded_but_not_trained_on(videos, tmp_path):
    lists("{name}", list_file="{}.txt")(videos, tmp_path / "data")
    ((_, labels),) = clip_dataset(tmp_path / "data", SPEC, "val", 6)
    np.testing.assert_array_equal(labels, [-1] * 6)
    with refuses("data", "a class for each video of train", "point/0.mp4"):
        clip_dataset(tmp_path / "data", SPEC, "train", 6, augmentation=Augmentation())
