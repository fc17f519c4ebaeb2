import pathlib

import keras
import numpy as np
import pytest
from testing import refuses
from videos import natural_videos, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.crops import center_crop
from tsm_tf.data.listing import Video, read_labels, read_videos
from tsm_tf.data.pipeline import clip_dataset, stream_fps
from tsm_tf.data.sources.video_file import read_frames

SPEC = ModelSpec(
    num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=4, input_size=32
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data with spaces"), {"train": 10, "val": 5})


def passes(dataset, count=1):
    return [[(clips.numpy(), labels.numpy()) for clips, labels in dataset] for _ in range(count)]


def test_evaluation_keeps_order_and_takes_the_centres(data):
    batches = passes(clip_dataset(data, SPEC, "val", False, 2))[0]
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
        return passes(clip_dataset(data, SPEC, "train", True, 5, seed=seed), 2)

    first, second = two_epochs(3)
    again, _ = two_epochs(3)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], second[0][0])
    resumed = passes(clip_dataset(data, SPEC, "train", True, 5, seed=3, first_epoch=1))[0]
    np.testing.assert_array_equal(resumed[1][0], second[1][0])


def test_flips_change_label_with_picture(data):
    plain = passes(clip_dataset(data, SPEC, "train", True, 10, seed=1))[0][0]
    flipped = passes(clip_dataset(data, SPEC, "train", True, 10, seed=1, flip_targets=(1, 0)))[0][0]
    changed = plain[1] != flipped[1]
    assert 0 < changed.sum() < 10
    for i in range(10):
        np.testing.assert_array_equal(
            flipped[0][i], plain[0][i][:, :, ::-1] if changed[i] else plain[0][i]
        )


def test_bad_video_stops_or_is_skipped_and_named(data, tmp_path):
    folder = write_data(tmp_path, {"train": 4})
    (folder / "train 2.mp4").write_text("broken")
    found = []
    with pytest.raises(Exception, match=r"train 2\.mp4"):
        passes(clip_dataset(folder, SPEC, "train", True, 2, bad_videos=found))
    assert pathlib.Path(found[0].path).name == "train 2.mp4"
    found.clear()
    batches = passes(
        clip_dataset(folder, SPEC, "train", True, 2, on_bad_video="skip", bad_videos=found)
    )[0]
    assert sum(len(labels) for _, labels in batches) == 3 and len(found) == 1


def test_unknown_lengths_are_counted(tmp_path):
    folder = write_data(tmp_path, {"val": 2})
    known = passes(clip_dataset(folder, SPEC, "val", False, 2))[0][0][0]
    (folder / "val.txt").write_text('"val 0.mp4" -1 0\n"val 1.mp4" -1 1\n')
    np.testing.assert_array_equal(
        passes(clip_dataset(folder, SPEC, "val", False, 2))[0][0][0], known
    )


def test_stream_rate_is_that_of_the_clips(data):
    assert stream_fps(data, "train", 4) == pytest.approx(
        4 / 1.1, abs=0.01
    )  # the median of 1.0, 1.1 and 1.2 seconds


def test_refuses_what_cannot_be(data):
    with refuses("modality", "rgb"):
        clip_dataset(data, SPEC.replace(modality="flow", mean=None, std=None), "train", True, 2)
    with refuses("on_bad_video", "stop, skip"):
        clip_dataset(data, SPEC, "train", True, 2, on_bad_video="ignore")
    with refuses("data", "the model's classes"):
        clip_dataset(data, SPEC.replace(labels=("a", "b")), "train", True, 2)


def test_list_files(tmp_path):
    (tmp_path / "labels.txt").write_text("a b\nü\n", encoding="utf-8")
    (tmp_path / "ä 1.mp4").touch()
    (tmp_path / "train.txt").write_text('"ä 1.mp4" -1 1\n\n', encoding="utf-8")
    assert read_labels(tmp_path) == ("a b", "ü")
    assert read_videos(tmp_path, "train") == [Video(tmp_path / "ä 1.mp4", -1, 1)]
    for text, part in (
        ("x.mp4 3", "train.txt:1"),
        ("x.mp4 three 0", "train.txt:1"),
        ("x.mp4 3 2", "0 to 1"),
        ("", "one"),
    ):
        (tmp_path / "train.txt").write_text(text)
        with refuses("data", part):
            read_videos(tmp_path, "train")
    (tmp_path / "train.txt").write_text("gone.mp4 3 0\n")
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4"):
        read_videos(tmp_path, "train")
    with pytest.raises(FileNotFoundError, match=r"val\.txt"):
        read_videos(tmp_path, "val")
    (tmp_path / "labels.txt").write_text("a\na\n")
    with refuses("data", "distinct"):
        read_labels(tmp_path)


def test_shapes_are_known_and_every_epoch_shows_each_video_once(tmp_path):
    labels = tuple(f"class {i}" for i in range(7))
    folder = write_data(tmp_path, {"train": 7}, labels=labels)
    dataset = clip_dataset(folder, SPEC.replace(num_classes=7, labels=labels), "train", True, 3)
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
    found, seen = [], []  # batches keep their place: one of them is smaller
    dataset = clip_dataset(folder, SPEC, "train", True, 2, on_bad_video="skip", bad_videos=found)
    model = keras.Sequential(
        [keras.Input((4, 32, 32, 3)), keras.layers.GlobalAveragePooling3D(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    model.fit(dataset, epochs=3, verbose=0, callbacks=[count])
    assert set(seen) in ({0, 1}, {0, 1, 2})
    assert [pathlib.Path(error.path).name for error in found] == ["train 2.mp4"] * 3


def test_a_file_that_goes_during_training_is_named(tmp_path):
    folder = write_data(tmp_path, {"train": 2})
    found = []
    dataset = clip_dataset(folder, SPEC, "train", True, 2, bad_videos=found)
    (folder / "train 1.mp4").unlink()
    with pytest.raises(Exception, match=r"train 1\.mp4"):
        passes(dataset)
    assert [error.reason for error in found] == ["the file has gone"]


def test_a_list_that_promises_too_many_frames(tmp_path):
    folder = write_data(tmp_path, {"val": 1})
    (folder / "val.txt").write_text('"val 0.mp4" 90 0\n')
    found = []
    with pytest.raises(Exception, match=r"val 0\.mp4"):
        passes(clip_dataset(folder, SPEC, "val", False, 2, bad_videos=found))
    assert found[0].reason == "frame 78 is asked for, the last is 9"


@pytest.mark.parametrize("num_segments", [13, 16, 64])
def test_a_video_shorter_than_the_clip_repeats_frames(data, num_segments):
    spec = SPEC.replace(num_segments=num_segments)
    clip = passes(clip_dataset(data, spec, "val", False, 1))[0][0][0][0]
    indices = [int(10 / num_segments * (i + 0.5)) for i in range(num_segments)]
    np.testing.assert_array_equal(
        clip, center_crop(read_frames(data / "val 0.mp4", indices, spec.short_side), 32)
    )
    clip = passes(clip_dataset(data, spec, "train", True, 10))[0][0][0][0]
    assert (clip == clip[:1]).all()  # the official code's rule: the first frame


def test_natural_videos_of_all_sizes_make_one_batch(tmp_path):
    lines = [f'"{path}" -1 {i % 2}\n' for i, path in enumerate(natural_videos())]
    (tmp_path / "train.txt").write_text("".join(lines))
    (tmp_path / "labels.txt").write_text("Swiping Left\nSwiping Right\n")
    ((clips, labels),) = passes(clip_dataset(tmp_path, SPEC, "train", True, 4))[0]
    assert clips.shape == (4, 4, 32, 32, 3) and sorted(labels) == [0, 0, 1, 1] and clips.std() > 20
