import numpy as np

from export.demo.detection.unseen import FPS, render_unseen
from tsm_tf.data.sources.video_file import VideoFiles


def test_renders_a_video_of_any_length(tmp_path):
    render_unseen(tmp_path / "unseen.mp4", 40)
    source = VideoFiles()
    path = str(tmp_path / "unseen.mp4")
    assert source.num_frames(path) == 40 and source.fps(path) == FPS
    frames = source.read(path, [0, 20, 39], None)
    assert frames.shape == (3, 288, 288, 3)
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 1  # something moves
