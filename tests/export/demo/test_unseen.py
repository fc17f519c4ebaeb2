import pytest
from videos import write_data

from export.demo.unseen import join
from tsm_tf.data.sources.video_file import probe


def test_unseen_video_has_a_clip_of_each_class(tmp_path):
    data = write_data(
        tmp_path / "data", {"val": 5}
    )  # 10, 11 and 12 frames at 10 frames/s, two classes in turns
    assert join(data, tmp_path / "unseen.mp4") == [0, 1]
    info = probe(tmp_path / "unseen.mp4")
    assert (info.width, info.height, info.fps) == (64, 48, 15)
    assert info.num_frames == pytest.approx(1.5 * (10 + 11), abs=2)
    assert not list(tmp_path.glob(".writing*"))
