import threading

import numpy as np
import pytest
from testing import video_frames
from videos import write_data

from tsm_tf import ModelSpec
from tsm_tf.data import view_pipeline
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.data.view_pipeline import view_batches
from tsm_tf.data.views import Views

SPEC = ModelSpec(num_classes=2, num_segments=4, input_size=32)
VIEWS = Views(3, 3, "dense", full_resolution=True)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return Listing(write_data(tmp_path_factory.mktemp("data"), {"val": 5})).videos("val")


def test_views_in_the_order_of_the_list(videos):
    batches = [batch for (batch,) in view_batches(videos, SPEC, VIDEO_FILES, VIEWS, 2)]
    assert [batch.shape for batch in batches] == [(n, 9, 4, 36, 36, 3) for n in (2, 2, 1)]
    expected = [load_views(video, SPEC, VIDEO_FILES, VIEWS) for video in videos]
    np.testing.assert_array_equal(np.concatenate(batches), expected)
    assert not list(view_batches([], SPEC, VIDEO_FILES, VIEWS, 2))


def test_bad_videos_are_named(videos, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    for name, reason in (("bad.mp4", "bad"), ("gone.mp4", "the file is gone")):
        bad = Video(f"{tmp_path}/{name}", name, 9, 0)
        with pytest.raises(BadVideoError, match=reason) as caught:
            list(view_batches([*videos, bad], SPEC, VIDEO_FILES, VIEWS, 1))
        assert caught.value.path == bad.path

    short = Video(videos[0].path, videos[0].name, 99, 0)
    with pytest.raises(BadVideoError, match=r"val\.txt:7 says 99 frames, of which 10 can be"):
        list(view_batches([short], SPEC, VIDEO_FILES, VIEWS, 1, lambda video: "val.txt:7"))


class Slow:
    """A source that counts how many videos are read at once."""

    modality = "rgb"
    parallel_reads = 8

    def __init__(self):
        self.lock, self.current, self.most = threading.Lock(), 0, 0
        self.all_read = threading.Event()

    def read(self, path, indices, short_side, interpolation):
        with self.lock:
            self.current += 1
            self.most = max(self.most, self.current)
        self.all_read.wait(0.05)
        with self.lock:
            self.current -= 1
        return video_frames(len(indices), 36, 48, 3)


@pytest.mark.parametrize("limit", [3, 1])
def test_memory_limits_how_many_videos_are_loaded_at_once(monkeypatch, limit):
    monkeypatch.setattr(view_pipeline, "_BYTES_AT_ONCE", limit * 9 * 4 * 36 * 36 * 3)
    source = Slow()
    videos = [Video("/x", "x", 90, 0)] * 12
    assert len(list(view_batches(videos, SPEC, source, VIEWS, 1))) == 12
    assert source.most == limit
