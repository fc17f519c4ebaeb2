import numpy as np
import pytest
from annotated_data import write_published
from detectors import small_spec
from testing import refuses

from export.detection_clips import from_annotated, from_shapes
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.data.listing import open_detection_data
from tsm_tf.detection.data.picture import read_picture

SPEC = small_spec(num_segments=4)


@pytest.fixture
def listing(tmp_path):
    write_published(tmp_path)
    return open_detection_data(tmp_path)


def test_the_first_frames_of_videos(listing):
    """Fitted into the input; short videos and still images repeat their last frame."""
    videos = listing.videos("val")
    clips = from_annotated(SPEC, listing, "val", 50)
    assert clips.frames.shape == (len(videos), 4, 48, 64, 3) and clips.labels is None
    assert f"{len(videos)} videos from val" in clips.source

    for clip, video in zip(clips.frames, videos, strict=True):
        for t in range(4):
            frame = video.frames[min(t, len(video.frames) - 1)]
            np.testing.assert_array_equal(clip[t], fit_frame(read_picture(frame), (48, 64))[0])


def test_fewer_videos_are_spread_over_the_list(listing):
    train = from_annotated(SPEC, listing, "train", 100).frames
    two = from_annotated(SPEC, listing, "train", 2).frames
    np.testing.assert_array_equal(two, train[[0, -1]])


def test_no_videos(listing, monkeypatch):
    monkeypatch.setattr(listing, "videos", lambda split: ())
    with refuses("data", "must have videos in val"):
        from_annotated(SPEC, listing, "val", 3)


def test_rendered_shapes():
    clips = from_shapes(SPEC, 2)
    assert clips.frames.shape == (2, 4, 48, 64, 3) and clips.frames.dtype == np.uint8
    assert not np.array_equal(clips.frames[0], clips.frames[1])
    assert not np.array_equal(clips.frames[0, 0], clips.frames[0, 1])
    assert clips.source == "2 videos of rendered shapes"
