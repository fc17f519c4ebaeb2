"""Shards of optical flow, whose images are stored as they are."""

import cv2
import numpy as np
import pytest
from testing import refuses
from videos import write_flow_data
from writing import write_shards

from tsm_tf import ModelSpec
from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.errors import InputError

SETTINGS = Settings("original", modality="flow")


@pytest.fixture(scope="module", params=["x and y", "one image"])
def folders(request, tmp_path_factory):
    """A data folder of flow, and its shards."""
    data = write_flow_data(tmp_path_factory.mktemp("flow"), request.param == "one image")
    return data, write_shards(data, tmp_path_factory.mktemp("shards") / "new", SETTINGS)


def test_frames_are_those_of_the_images(folders):
    ours, theirs = map(Listing, folders[::-1])
    source = source_of(theirs, "flow")
    assert ours.source.modality == "flow" and source_of(ours, "flow") is ours.source
    assert "optical flow" in ours.layout.describe("train")
    for split in ("train", "val"):
        for one, other in zip(ours.videos(split), theirs.videos(split), strict=True):
            assert (one.name, one.num_frames, one.label) == (
                *(other.name, other.num_frames, other.label),
            )
            count = source.num_frames(other.path)
            assert ours.source.num_frames(one.path) == count and ours.source.fps(one.path) == 25
            np.testing.assert_array_equal(ours.source.times(one.path), np.arange(count) / 25)
            for indices, side in ((range(count), None), ([5, 0, 0, 3], 36), ([4], 20)):
                np.testing.assert_array_equal(
                    ours.source.read(one.path, indices, side),
                    source.read(other.path, indices, side),
                )


def test_training_and_evaluation_see_the_same_clips(folders):
    spec = ModelSpec(num_classes=2, num_segments=2, input_size=32, modality="flow")
    for split in ("train", "val"):
        clips = [
            [batch[0].numpy() for batch in clip_dataset(folder, spec, split, 1)]
            for folder in folders
        ]
        assert clips[0][0].shape == (1, 2, 32, 32, 10)
        np.testing.assert_array_equal(clips[0], clips[1])


def test_a_model_of_another_modality_is_refused(folders):
    with refuses("modality", "must be flow, as the data are", "rgb"):
        source_of(Listing(folders[1]), "rgb")


def test_damaged_images_are_found_when_they_are_stored(tmp_path):
    data = write_flow_data(tmp_path / "flow")
    image = data / "flow/a/flow_y_00004.jpg"
    content = image.read_bytes()
    image.write_bytes(content[:-40])
    with pytest.raises(InputError, match=r"flow_y_00004\.jpg is cut off"):
        write_shards(data, tmp_path / "new", SETTINGS)
    cv2.imwrite(str(image), np.zeros((36, 40), np.uint8))
    with pytest.raises(InputError, match="x and y of different sizes"):
        write_shards(data, tmp_path / "other", SETTINGS)

    output = write_shards(data, tmp_path / "rest", SETTINGS, skip_bad_videos=True)
    assert [video.name for video in Listing(output).videos("train")] == ["flow/c d"]


def test_damaged_shards_are_errors(tmp_path):
    data = write_flow_data(tmp_path / "flow")
    output = write_shards(data, tmp_path / "new", SETTINGS)
    listing = Listing(output)
    (video,) = listing.videos("val")
    shard = tmp_path / "new/val-00000-of-00001.tfrecord"
    content = bytearray(shard.read_bytes())
    content[-100] ^= 1  # in the last y
    shard.write_bytes(content)
    assert listing.source.read(video.path, range(6), None).shape == (6, 36, 48, 2)
    with pytest.raises(BadVideoError, match="a digest differs"):
        listing.source.read(video.path, [6], None)
