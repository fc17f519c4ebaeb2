import pytest
from testing import refuses
from videos import write_data

from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.stream_rate import stream_fps
from tsm_tf.data.video import Video


def test_segments_per_median_duration(tmp_path):
    videos = Listing(write_data(tmp_path, {"train": 10})).videos("train")
    # the median of 1.0, 1.1 and 1.2 seconds
    assert stream_fps(videos, 4, VIDEO_FILES) == pytest.approx(4 / 1.1, abs=0.01)


def test_broken_videos_are_left_out_unless_all_are(tmp_path):
    videos = Listing(write_data(tmp_path, {"train": 1})).videos("train")
    (tmp_path / "text.mp4").write_text("no video")
    broken = Video(f"{tmp_path}/text.mp4", "text.mp4", 5, 0)
    assert stream_fps([broken, *videos], 4, VIDEO_FILES) == pytest.approx(4, abs=0.01)
    with refuses("data", "can be decoded", "text.mp4"):
        stream_fps([broken], 4, VIDEO_FILES)
