import numpy as np
import pytest
from videos import write_data

from tsm_tf.data.listing import Listing
from tsm_tf.devices import Devices
from tsm_tf.training.clips import Clips
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution
from tsm_tf.training.train import make_plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    data = write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 3})
    recipe = get_recipe(
        "gestures",
        backbone="resnet18",
        num_segments=2,
        input_size=32,
        batch_size=2,
        accumulate=2,
    )
    return make_plan(recipe, Listing(data), Devices())


def collect(dataset):
    batches = list(dataset.as_numpy_iterator())
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def test_training_clips_resume_within_an_epoch(plan):
    """Three epochs in one go, and from the second batch of the second epoch on."""
    clips = Clips(plan, Devices(), Execution())
    all_clips, all_labels = collect(clips.training(0, 0, None).repeat(3))
    assert all_clips.shape == (24, 2, 32, 32, 3) and plan.steps == 2
    found_clips, found_labels = collect(clips.training(1, 1, None).repeat(2))
    np.testing.assert_array_equal(found_clips, all_clips[12:])
    np.testing.assert_array_equal(found_labels, all_labels[12:])
    assert not np.array_equal(all_clips[:8], all_clips[8:16])


def test_validation_clips_are_the_same_in_every_pass(plan):
    clips = Clips(plan, Devices(), Execution())
    sizes = [len(labels) for _, labels in clips.validation().as_numpy_iterator()]
    assert sizes == [2, 1]  # batches of the recipe, without the accumulation
    found, labels = collect(clips.validation().repeat(2))
    np.testing.assert_array_equal(found[:3], found[3:])
    np.testing.assert_array_equal(labels, [0, 1, 0] * 2)


def test_videos_are_decoded_once(plan, monkeypatch):
    reads = []
    clips = Clips(plan, Devices(), Execution())
    read = clips.source.source.read

    def counting(path, *arguments, **options):
        reads.append(path)
        return read(path, *arguments, **options)

    monkeypatch.setattr(type(clips.source.source), "read", staticmethod(counting))
    collect(clips.training(0, 0, None).repeat(2))
    assert len(reads) == len(set(reads)) == 8
