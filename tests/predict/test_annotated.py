import pathlib

import av
import numpy as np
import pytest
from PIL import Image
from testing import video_frames
from videos import encode, moving_square

from tsm_tf import ModelSpec
from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import Video
from tsm_tf.predict.annotated import draw, file_names, write_annotated
from tsm_tf.predict.classes import rank
from tsm_tf.predict.predictors import Prediction

SPEC = ModelSpec(num_classes=3, labels=("left", "right", "up"))
LOGITS = np.array([2, 0, 1], np.float32)


def video(path, start=0.0, end=None):
    return Video(str(path), str(path), -1, -1, start, end)


def shown(path):
    """The times of an MP4's frames, and the frames."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [float(frame.time) for frame in frames], [f.to_ndarray(format="rgb24") for f in frames]


def test_the_mp4_has_all_frames_at_their_times(tmp_path):
    times = [0, 1, 2, 5, 6]
    frames = moving_square(5, 320, 426)
    path = encode(tmp_path / "a.mp4", frames, times=times, rate=10)
    output = tmp_path / "new" / "a.mp4"
    write_annotated(output, video(path), VIDEO_FILES, Prediction(LOGITS), SPEC, "model")

    found, pictures = shown(output)
    np.testing.assert_allclose(found, np.array(times) / 10, atol=1e-3)
    for picture, frame in zip(pictures, frames, strict=True):
        assert picture.shape[0] > 320  # a panel is below the frame
        left = (picture.shape[1] - 426) // 2
        difference = np.abs(picture[:320, left : left + 426].astype(int) - frame)
        assert difference.mean() < 6
    assert [path.name for path in output.parent.iterdir()] == ["a.mp4"]


def test_segments_start_at_zero(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square(12), rate=10)
    output = tmp_path / "b.mp4"
    write_annotated(output, video(path, 0.3, 0.7), VIDEO_FILES, Prediction(LOGITS), SPEC, "")
    np.testing.assert_allclose(shown(output)[0], [0, 0.1, 0.2, 0.3], atol=1e-3)


def test_a_stream_shows_the_classes_up_to_each_frame():
    steps = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    prediction = Prediction(steps[-1], np.array([0, 0.2, 0.4]), steps)
    for seconds, best in ((0, 0), (0.19, 0), (0.2, 1), (0.3, 1), (0.4, 2), (9, 2)):
        assert prediction.at(seconds).argmax() == best
    assert Prediction(LOGITS).at(3) is LOGITS


def test_a_bar_is_as_long_as_its_class_is_probable():
    frame = np.zeros((320, 640, 3), np.uint8)
    empty = draw(frame, [], "")
    wide = []
    for logits in ([9, 0, 0], [1, 0, 0], [0, 0, 0]):
        picture = draw(frame, rank(np.array(logits, np.float32), SPEC, 5), "")
        wide.append(int((picture[320 + 62].astype(int)[:, 2] > 150).sum()))
    assert empty.shape == picture.shape and empty[320:].std() > 0
    assert wide[0] > wide[1] > wide[2] > 0


def test_flow_is_shown_or_its_rgb_frames(tmp_path):
    for axis in "xy":
        for number in range(1, 5):
            grey = video_frames(48, 64, 1, seed=number)[..., 0]
            Image.fromarray(grey).save(tmp_path / f"flow_{axis}_{number:05d}.png")
    output = tmp_path / "out" / "flow.mp4"
    write_annotated(output, video(tmp_path), FlowFolders(10), Prediction(LOGITS), SPEC, "")
    _, pictures = shown(output)
    assert len(pictures) == 4 and abs(float(pictures[0][:300, 100:300, 2].mean()) - 128) < 8

    path = encode(tmp_path / "a.mp4", moving_square(4))
    output = tmp_path / "out" / "rgb.mp4"
    source = ComputedFlow(VIDEO_FILES)
    write_annotated(output, video(path), source, Prediction(LOGITS), SPEC, "")
    assert len(shown(output)[0]) == 4


def test_a_video_that_breaks_off_leaves_no_file(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square(40), options={"g": "4"})
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + len(content[: len(content) // 3])
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    output = tmp_path / "out"
    with pytest.raises(BadVideoError):
        write_annotated(output / "a.mp4", video(path), VIDEO_FILES, Prediction(LOGITS), SPEC, "")
    assert list(output.iterdir()) == []


def test_no_two_videos_share_a_file(tmp_path):
    root = str(tmp_path)
    videos = [
        Video(f"{root}/x/a.mp4", "1", -1, -1),
        Video(f"{root}/x/a.avi", "2", -1, -1),
        Video(f"{root}/x/A.MP4", "3", -1, -1),
        Video(f"{root}/x/y/a.mp4", "4", -1, -1),
        Video(f"{root}/x/frames", "5", -1, -1),
        Video(f"{root}/x/a.mp4", "6", -1, -1, 1.5, 2.0),
        Video(f"{root}/x/a.avi.mp4", "7", -1, -1),
    ]
    names = file_names(videos)
    assert names == {
        "1": "a.mp4",
        "2": "a.avi.mp4",
        "3": "A_2.mp4",
        "4": "y/a.mp4",
        "5": "frames.mp4",
        "6": "a_1.5_2.mp4",
        "7": "a.avi_2.mp4",
    }
    assert not any(pathlib.PurePath(name).is_absolute() for name in names.values())
    assert file_names(videos[:1]) == {"1": "a.mp4"}
