import numpy as np
import pytest
from videos import encode, moving_square

from tsm_tf import ModelSpec
from tsm_tf.data.flow import computed
from tsm_tf.data.flow.computed import ComputedFlow, frame_pairs, video_flow
from tsm_tf.data.flow.tv_l1 import FlowEncoder, FlowSettings, decode
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES, read_frames
from tsm_tf.data.video import UNKNOWN_FRAMES, Video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("video") / "a.mp4", moving_square(7, 32, 40))


@pytest.fixture(scope="module")
def flow(video):
    return video_flow(video)


def test_flow_of_a_video_is_that_of_its_pairs(video, flow):
    assert flow.shape == (6, 32, 40, 2) and flow.dtype == np.uint8
    frames, encoder = read_frames(video, range(7)), FlowEncoder()
    for index in (0, 5):
        expected = decode(*encoder.encode(frames[index], frames[index + 1]))
        np.testing.assert_array_equal(flow[index], expected)
    assert flow[..., 0].max() > 140 and abs(np.median(flow[..., 1]) - 128) <= 1


def test_a_source_computes_what_is_requested(video, flow):
    source = ComputedFlow()
    assert source.num_frames(str(video)) == 6 and source.fps(str(video)) == pytest.approx(10)
    found = source.read(str(video), [4, 0, 4, 1], 32)
    np.testing.assert_array_equal(found, flow[[4, 0, 4, 1]])
    assert source.read(str(video), [2], 16).shape == (1, 16, 20, 2)
    np.testing.assert_array_equal(source.read(str(video), [2], None), flow[[2]])


def test_clips_of_a_flow_model_come_from_a_video_file(video, flow):
    spec = ModelSpec(modality="flow", num_classes=2, num_segments=1, input_size=32, crop_pct=1.0)
    clip = center_clip(Video(str(video), "a", UNKNOWN_FRAMES, 0), spec, ComputedFlow())
    (start,) = center_indices(6, 1, 5)
    expected = flow[start : start + 5, :, 4:36].transpose(1, 2, 0, 3).reshape(32, 32, 10)
    assert clip.shape == (1, 32, 32, 10) and spec.short_side == 32
    np.testing.assert_array_equal(clip[0], expected)


def test_large_frames_are_scaled_down_and_small_ones_kept(video):
    assert video_flow(video, FlowSettings(short_side=16)).shape == (6, 16, 20, 2)
    assert video_flow(video, FlowSettings(short_side=100)).shape == (6, 32, 40, 2)


def test_long_videos_are_read_in_parts(video, monkeypatch):
    settings, requests = FlowSettings(), []
    whole = list(frame_pairs(str(video), VIDEO_FILES, settings, 1, 7))
    assert len(whole) == 5
    monkeypatch.setattr(computed, "_CHUNK_BYTES", 3 * 32 * 40 * 3)

    class Source:
        def read(self, path, indices, short_side):
            requests.append(list(indices))
            return VIDEO_FILES.read(path, indices, short_side)

    parts = list(frame_pairs(str(video), Source(), settings, 1, 7))
    np.testing.assert_array_equal(parts, whole)
    assert requests == [[0], [1, 2], [3, 4, 5], [6]]


def test_one_frame_has_no_flow(tmp_path):
    video = encode(tmp_path / "a.mp4", moving_square(1, 32, 40))
    with pytest.raises(BadVideoError, match="one frame"):
        video_flow(video)
