import pathlib

import keras
import numpy as np
import pytest
from testing import refuses
from videos import natural_videos, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.crops import center_crop
from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import NO_LABEL, clip_dataset
from tsm_tf.data.sources.video_file import read_frames

SPEC = ModelSpec(
    num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=4, input_size=32
)
PLAIN = Augmentation()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data with spaces"), {"train": 10, "val": 5})


class Found(Observer):
    """Keeps the bad videos."""

    def __init__(self):
        self.errors = []

    def bad_video(self, error):
        self.errors.append(error)


def passes(dataset, count=1):
    return [[(clips.numpy(), labels.numpy()) for clips, labels in dataset] for _ in range(count)]


def training(data, batch_size, spec=SPEC, augmentation=PLAIN, **options):
    return clip_dataset(data, spec, "train", batch_size, augmentation=augmentation, **options)


def test_evaluation_keeps_order_and_takes_the_centres(data):
    batches = passes(clip_dataset(data, SPEC, "val", 2))[0]
    assert [clips.shape for clips, _ in batches] == [
        (2, 4, 32, 32, 3),
        (2, 4, 32, 32, 3),
        (1, 4, 32, 32, 3),
    ]
    assert np.concatenate([labels for _, labels in batches]).tolist() == [0, 1, 0, 1, 0]
    expected = center_crop(read_frames(data / "val 0.mp4", [1, 3, 6, 8], SPEC.short_side), 32)
    np.testing.assert_array_equal(batches[0][0][0], expected)


def test_training_repeats_by_seed_and_differs_by_epoch(data):
    def two_epochs(seed):
        return passes(training(data, 5, order=Order(seed=seed)), 2)

    first, second = two_epochs(3)
    again, _ = two_epochs(3)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], second[0][0])
    resumed = passes(training(data, 5, order=Order(seed=3, first_epoch=1)))[0]
    np.testing.assert_array_equal(resumed[1][0], second[1][0])


def test_an_unfinished_pass_counts_as_an_epoch(data):
    first, second = passes(training(data, 5, order=Order(seed=3)), 2)
    dataset = training(data, 5, order=Order(seed=3))
    np.testing.assert_array_equal(next(iter(dataset))[0], first[0][0])
    np.testing.assert_array_equal(passes(dataset)[0][1][0], second[1][0])


def test_flips_change_label_with_picture(data):
    plain = passes(training(data, 10, order=Order(seed=1)))[0][0]
    flips = Augmentation(flip_targets=(1, 0))
    flipped = passes(training(data, 10, augmentation=flips, order=Order(seed=1)))[0][0]
    changed = plain[1] != flipped[1]
    assert 0 < changed.sum() < 10
    for i in range(10):
        np.testing.assert_array_equal(
            flipped[0][i], plain[0][i][:, :, ::-1] if changed[i] else plain[0][i]
        )


def test_bad_video_stops_or_is_skipped_and_named(data, tmp_path):
    folder = write_data(tmp_path, {"train": 4})
    (folder / "train 2.mp4").write_text("broken")
    found = Found()
    with pytest.raises(Exception, match=r"train 2\.mp4"):
        passes(training(folder, 2, observer=found))
    assert pathlib.Path(found.errors[0].path).name == "train 2.mp4"
    found.errors.clear()
    batches = passes(training(folder, 2, skip_bad_videos=True, observer=found))[0]
    assert sum(len(labels) for _, labels in batches) == 3 and len(found.errors) == 1


def test_unknown_lengths_are_counted(tmp_path):
    folder = write_data(tmp_path, {"val": 2})
    known = passes(clip_dataset(folder, SPEC, "val", 2))[0][0][0]
    (folder / "val.txt").write_text('"val 0.mp4" -1 0\n"val 1.mp4" -1 1\n')
    np.testing.assert_array_equal(passes(clip_dataset(folder, SPEC, "val", 2))[0][0][0], known)


def test_bad_arguments(data):
    with refuses("modality", "must be rgb, as the data are", "flow"):
        clip_dataset(data, SPEC.replace(modality="flow", mean=None, std=None), "train", 2)
    with refuses("skip_bad_videos", "several devices"):
        clip_dataset(
            data, SPEC, "train", 2, order=Order(share=Share(replicas=2)), skip_bad_videos=True
        )
    with refuses("batch_size", "multiple of the 2 devices", "3"):
        clip_dataset(data, SPEC, "train", 3, order=Order(share=Share(0, 2)))
    with refuses("data", "the model's classes"):
        clip_dataset(data, SPEC.replace(labels=("a", "b")), "train", 2)


def test_a_listing_is_as_good_as_its_folder(data):
    listing = Listing(data)
    videos = listing.videos("val")
    datasets = [clip_dataset(source, SPEC, "val", 2) for source in (data, listing)]
    for one, other in zip(*datasets, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert listing.videos("val") is videos


def test_clips_are_reported_with_their_place_over_all_passes(data):
    class Places(Observer):
        def __init__(self):
            self.places = []

        def clip_ready(self, place):
            self.places.append(place)

    observer = Places()
    passes(clip_dataset(data, SPEC, "val", 2, observer=observer), 2)
    assert sorted(observer.places) == list(range(10))


def test_a_padded_batch_has_weights_whose_mean_is_one(data):
    shares = [
        list(clip_dataset(data, SPEC, "val", 4, order=Order(share=Share(index, 2))))
        for index in range(2)
    ]
    weights = np.array([[weights for _, _, weights in share] for share in shares])
    labels = np.array([[labels for _, labels, _ in share] for share in shares])
    # five videos in two batches of four: the last batch has one video and three paddings
    assert weights.mean() == pytest.approx(1) and (weights > 0).sum() == 5
    np.testing.assert_allclose(weights[0, 1], [8 / 5, 0])
    np.testing.assert_array_equal(weights[1, 1], [0, 0])
    assert (labels != NO_LABEL).all()


def test_shapes_are_known_and_every_epoch_shows_each_video_once(tmp_path):
    labels = tuple(f"class {i}" for i in range(7))
    folder = write_data(tmp_path, {"train": 7}, labels=labels)
    dataset = clip_dataset(
        folder, SPEC.replace(num_classes=7, labels=labels), "train", 3, augmentation=Augmentation()
    )
    clips, targets = dataset.element_spec
    assert clips.shape.as_list() == [None, 4, 32, 32, 3] and clips.dtype == "uint8"
    assert targets.shape.as_list() == [None] and targets.dtype == "int32"
    assert int(dataset.cardinality()) == 3
    orders = [
        np.concatenate([labels for _, labels in epoch]).tolist() for epoch in passes(dataset, 4)
    ]
    assert (
        all(sorted(order) == list(range(7)) for order in orders) and len({*map(tuple, orders)}) > 1
    )


def test_keras_trains_on_what_is_left_when_bad_videos_are_skipped(tmp_path):
    folder = write_data(tmp_path, {"train": 5})
    (folder / "train 2.mp4").write_text("broken")
    found, seen = Found(), []  # batches keep their place: one of them is smaller
    dataset = training(folder, 2, skip_bad_videos=True, observer=found)
    model = keras.Sequential(
        [keras.Input((4, 32, 32, 3)), keras.layers.GlobalAveragePooling3D(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    model.fit(dataset, epochs=3, verbose=0, callbacks=[count])
    assert set(seen) in ({0, 1}, {0, 1, 2})
    assert [pathlib.Path(error.path).name for error in found.errors] == ["train 2.mp4"] * 3


def test_a_file_that_disappears_during_training_is_named(tmp_path):
    folder = write_data(tmp_path, {"train": 2})
    found = Found()
    dataset = training(folder, 2, observer=found)
    (folder / "train 1.mp4").unlink()
    with pytest.raises(Exception, match=r"train 1\.mp4"):
        passes(dataset)
    assert [error.reason for error in found.errors] == ["the file is gone"]


def test_a_list_that_promises_too_many_frames(tmp_path):
    folder = write_data(tmp_path, {"val": 1})
    (folder / "val.txt").write_text('"val 0.mp4" 90 0\n')
    found = Found()
    with pytest.raises(Exception, match=r"val 0\.mp4"):
        passes(clip_dataset(folder, SPEC, "val", 2, observer=found))
    assert found.errors[0].reason == (
        f"{folder}/val.txt:1 says 90 frames, of which 10 can be decoded; correct the number there, "
        "or write -1 to have the frames counted"
    )


@pytest.mark.parametrize("num_segments", [13, 16, 64])
def test_a_video_shorter_than_the_clip_repeats_frames(data, num_segments):
    spec = SPEC.replace(num_segments=num_segments)
    clip = passes(clip_dataset(data, spec, "val", 1))[0][0][0][0]
    indices = [int(10 / num_segments * (i + 0.5)) for i in range(num_segments)]
    np.testing.assert_array_equal(
        clip, center_crop(read_frames(data / "val 0.mp4", indices, spec.short_side), 32)
    )
    clip = passes(training(data, 10, spec))[0][0][0][0]
    assert (clip == clip[:1]).all()  # the official code's rule: the first frame


def test_natural_videos_of_all_sizes_make_one_batch(tmp_path):
    lines = [f'"{path}" -1 {i % 2}\n' for i, path in enumerate(natural_videos())]
    (tmp_path / "train.txt").write_text("".join(lines))
    (tmp_path / "labels.txt").write_text("Swiping Left\nSwiping Right\n")
    listing = Listing(tmp_path, allow_outside=True)
    ((clips, labels),) = passes(training(listing, 4))[0]
    assert clips.shape == (4, 4, 32, 32, 3) and sorted(labels) == [0, 0, 1, 1] and clips.std() > 20
