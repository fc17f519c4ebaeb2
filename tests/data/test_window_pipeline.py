"""Windows of real videos: `tsm_tf/data/window_pipeline.py` and `window_loader.py`."""

import dataclasses

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.crops import center_crop
from tsm_tf.data.epoch_order import Order, Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.observer import Observer
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES, read_frames
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.timeline import timelines
from tsm_tf.data.window_loader import WindowLoader
from tsm_tf.data.window_pipeline import num_windows, window_dataset

LABELS = ("left", "right", "No gesture")
SPEC = ModelSpec(num_classes=3, labels=LABELS, input_size=32)
SAMPLING = StreamSampling(fps=5, window=12, epoch_share=1.0, undecided_share=0.3)
PLAIN = Augmentation()
MIRROR = Augmentation(flip_targets=(1, 0, 2))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six trimmed videos of two seconds, and an untrimmed one of ten."""
    folder = tmp_path_factory.mktemp("data")
    for number in range(6):
        encode(folder / f"{number}.mp4", moving_square(20))
    encode(folder / "long.mp4", moving_square(100))
    encode(folder / "slow.mp4", moving_square(6), rate=3)
    lines = [f"{number}.mp4 20 {number % 3}\n" for number in range(6)]
    folder.joinpath("train.txt").write_text("".join(lines))
    folder.joinpath("untrimmed.txt").write_text("long.mp4 1 3 0\nlong.mp4 4.5 6 1\n")
    folder.joinpath("slow.txt").write_text("slow.mp4 6 0\n")
    folder.joinpath("outside.txt").write_text("long.mp4 9 12 0\n")
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    return folder


def windows(data, split="train", batch_size=2, sampling=SAMPLING, **options):
    dataset = window_dataset(Listing(data), SPEC, split, batch_size, sampling, **options)
    return [tuple(array.numpy() for array in batch) for batch in dataset]


def test_a_window_shows_the_frames_of_its_moments(data):
    sampling = dataclasses.replace(SAMPLING, window=10, pause_probability=0, cut_probability=0)
    loader = WindowLoader(timelines(Listing(data).videos("train")), SPEC, sampling, VIDEO_FILES)
    window = loader.load(0, 0)
    label = int(window.labels[0])
    matching = [number for number in (0, 1, 3, 4) if number % 3 == label]
    expected = [
        center_crop(read_frames(data / f"{number}.mp4", range(0, 20, 2), SPEC.short_side), 32)
        for number in matching
    ]
    assert any(np.array_equal(window.frames, frames) for frames in expected)
    assert window.labels.tolist() == [label] * 10
    assert window.weights.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]


def test_an_epoch_has_as_many_frames_as_the_videos(data):
    assert num_windows(Listing(data), "train", SAMPLING) == 5  # 6 videos of 10 frames
    batches = windows(data, augmentation=PLAIN)
    assert len(batches) == 3
    frames, labels, weights = batches[0]
    assert frames.shape == (2, 12, 32, 32, 3) and frames.dtype == np.uint8
    assert labels.shape == weights.shape == (2, 12)
    assert labels.dtype == np.int32 and weights.dtype == np.float32


def test_windows_depend_on_the_seed_the_epoch_and_their_number_alone(data):
    whole = windows(data, augmentation=MIRROR, order=Order(seed=3))
    again = windows(data, augmentation=MIRROR, order=Order(seed=3, first_batch=1))
    other = windows(data, augmentation=MIRROR, order=Order(seed=4))
    assert len(again) == 2
    for one, two in zip(whole[1:], again, strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[0][0], other[0][0])
    next_epoch = windows(data, augmentation=MIRROR, order=Order(seed=3, first_epoch=1))
    assert not np.array_equal(whole[0][0], next_epoch[0][0])


def test_two_processes_share_each_batch(data):
    whole = windows(data, augmentation=PLAIN)
    parts = [
        windows(data, augmentation=PLAIN, order=Order(share=Share(index, 2))) for index in (0, 1)
    ]
    for number, batch in enumerate(whole):
        for part in (0, 1):
            np.testing.assert_array_equal(batch[0][part], parts[part][number][0][0])


def test_validation_has_the_same_windows_in_every_pass(data):
    dataset = window_dataset(Listing(data), SPEC, "train", 2, SAMPLING)
    first, second = ([batch[0].numpy() for batch in dataset] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_mirrored_gestures_get_the_other_class(data):
    """In the videos of both classes, the square moves to the right."""
    seen = set()
    sampling = StreamSampling(fps=5, window=12, epoch_share=6, pause_probability=0)
    for frames, labels, _ in windows(data, sampling=sampling, augmentation=MIRROR):
        for window, classes in zip(frames, labels, strict=True):
            for t in np.flatnonzero((np.diff(classes) == 0) & (classes[1:] < 2)):
                bright = [np.where(frame.min(axis=-1) > 200)[1] for frame in window[t : t + 2]]
                if all(len(columns) for columns in bright):
                    moved = np.sign(bright[1].mean() - bright[0].mean())
                    seen.add((int(classes[t]), int(moved)))
    assert {(0, 1), (1, 1), (0, -1), (1, -1)} <= seen


def test_untrimmed_videos_have_their_segments_and_background_between(data):
    sampling = dataclasses.replace(SAMPLING, window=50, epoch_share=0.1)
    (batch,) = windows(data, "untrimmed", 1, sampling)
    _, (labels,), (weights,) = batch
    # The second segment starts between two frames, at 4.5 s.
    assert labels.tolist() == [2] * 5 + [0] * 10 + [2] * 8 + [1] * 7 + [2] * 20
    assert weights[:7].tolist() == pytest.approx([0, 0, 0.7, 0.7, 0.7, 0, 0])


def test_a_video_with_too_low_a_rate_is_named(data):
    found = []

    class Found(Observer):
        def bad_video(self, error):
            found.append(error)

    with pytest.raises(Exception, match=r"slow\.mp4"):
        windows(data, "slow", 1, observer=Found())
    assert isinstance(found[0], BadVideoError)
    assert "3 frames per second, and the stream has 5" in str(found[0])


def test_bad_input_is_refused_before_work(data):
    with refuses("data", "within the video's 10.00 s", "9 to 12 s"):
        windows(data, "outside", 1)
    with refuses("modality", "must be rgb"):
        flow = SPEC.replace(modality="flow", mean=None, std=None)
        window_dataset(Listing(data), flow, "train", 1, SAMPLING)
    with refuses("data", "the model's classes"):
        other = SPEC.replace(labels=("a", "b", "c"))
        window_dataset(Listing(data), other, "train", 1, SAMPLING)
    with refuses("batch_size", "multiple of the 2 devices", "3"):
        windows(data, batch_size=3, order=Order(share=Share(0, 2)))
