"""Tests of `view_loader`, and of `segments` through it."""

import json

import numpy as np
import pytest
from testing import refuses, video_frames
from videos import encode, moving_square, write_data
from writing import write_shards

from tsm_tf import ModelSpec
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sampling import center_indices, dense_indices, twice_indices
from tsm_tf.data.sampling_rate import clip_indices
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.jpeg_clip import JpegClip
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.data.views import Views

SPEC = ModelSpec(num_classes=2, num_segments=4, input_size=32)
KINETICS = Views(10, 3, "dense", full_resolution=True)


class Drawn:
    """A source of distinct frames without files, which counts its reads."""

    def __init__(self, num_frames=90, width=48, height=36, channels=3):
        self.modality = "rgb" if channels == 3 else "flow"
        self.frames = video_frames(num_frames, height, width, channels)
        self.reads = []

    def num_frames(self, path):
        return len(self.frames)

    def read(self, path, indices, short_side, interpolation):
        self.reads.append([int(index) for index in indices])
        return self.frames[np.asarray(indices)]


def video_of(num_frames):
    return Video("/x.mp4", "x.mp4", num_frames, 0)


def test_a_frame_is_read_once_whatever_clips_and_crops_it_is_in():
    for views, choose, num_frames in (
        (KINETICS, dense_indices, 90),
        (KINETICS, dense_indices, 40),
        (Views(2, 3, "twice", full_resolution=True), twice_indices, 9),
        (Views(crops=10), center_indices, 3),
    ):
        source = Drawn(num_frames)
        load_views(video_of(num_frames), SPEC, source, views)
        (indices,) = source.reads
        assert indices == sorted(set(choose(num_frames, 4).tolist()))


def test_dense_clips_and_three_full_crops():
    source = Drawn()
    loaded = load_views(video_of(90), SPEC, source, KINETICS)
    assert loaded.shape == (30, 4, 36, 36, 3) and loaded.dtype == np.uint8
    clips = dense_indices(90, 4).reshape(10, 4)
    expected = [source.frames[clip][:, :, x : x + 36] for clip in clips for x in (0, 12, 6)]
    np.testing.assert_array_equal(loaded, expected)


def test_two_clips_at_the_models_own_size():
    source = Drawn()
    loaded = load_views(video_of(90), SPEC, source, Views(2, 3, "twice"))
    clips = twice_indices(90, 4).reshape(2, 4)
    expected = [source.frames[clip][:, 2:34, x : x + 32] for clip in clips for x in (0, 16, 8)]
    np.testing.assert_array_equal(loaded, expected)


def test_ten_crops_are_five_and_their_mirror_images():
    source = Drawn()
    five = load_views(video_of(90), SPEC, source, Views(crops=5))
    ten = load_views(video_of(90), SPEC, source, Views(crops=10))
    np.testing.assert_array_equal(ten[::2], five)
    np.testing.assert_array_equal(ten[1::2], five[:, :, :, ::-1])
    clip = source.frames[center_indices(90, 4)]
    corners = [(0, 0), (0, 16), (4, 0), (4, 16), (2, 8)]
    np.testing.assert_array_equal(five, [clip[:, y : y + 32, x : x + 32] for y, x in corners])


@pytest.mark.parametrize("count", [1, 3, 5])
def test_official_boxes(golden_dir, count):
    cases = json.loads((golden_dir / "sampling.json").read_text())["test_crops"]
    key = {1: None, 3: "three", 5: "five"}[count]
    for case in cases:
        width, height = case["image"]
        is_full = count == 3
        size = case["full_res_crop" if is_full else "crop"]
        spec = SPEC.replace(num_segments=1, input_size=size, crop_pct=1.0)
        source = Drawn(1)
        rows, columns = np.indices((height, width)) // 2  # below 256
        source.frames = np.stack([columns, rows, columns], -1).astype(np.uint8)[None]
        if min(width, height) < size:
            with pytest.raises(BadVideoError, match="320x240 pixels are smaller than the crops"):
                load_views(video_of(1), spec, source, Views(crops=count))
            continue
        loaded = load_views(video_of(1), spec, source, Views(crops=count))
        corners = case[key] if key else [(round((width - size) / 2), round((height - size) / 2))]
        found = loaded[:, 0, 0, 0, :2].tolist()
        assert found == [[x // 2, y // 2] for x, y in corners], case


def test_the_centre_clip_is_the_view_of_the_efficient_protocol():
    source = Drawn()
    loaded = load_views(video_of(90), SPEC, source, Views())
    np.testing.assert_array_equal(loaded, [center_clip(video_of(90), SPEC, source)])
    np.testing.assert_array_equal(loaded[0], source.frames[center_indices(90, 4)][:, 2:34, 8:40])


def test_flow_stacks_five_frames_and_mirrors_invert_x():
    spec = SPEC.replace(modality="flow", mean=(), std=(), num_segments=2)
    source = Drawn(90, channels=2)
    five = load_views(video_of(90), spec, source, Views(10, 5, "dense"))
    ten = load_views(video_of(90), spec, source, Views(10, 10, "dense"))
    assert five.shape == (50, 2, 32, 32, 10)
    starts = dense_indices(90, 2).reshape(10, 2)
    for clip, segments in enumerate(starts):
        for segment, start in enumerate(segments):
            for number in range(5):
                frame = source.frames[min(89, start + number), :32, :32]
                stacked = five[5 * clip, segment, ..., 2 * number : 2 * number + 2]
                np.testing.assert_array_equal(stacked, frame)
    np.testing.assert_array_equal(ten[::2], five)
    mirrored = ten[1::2, :, :, ::-1]
    np.testing.assert_array_equal(mirrored[..., ::2], 255 - five[..., ::2])
    np.testing.assert_array_equal(mirrored[..., 1::2], five[..., 1::2])


def test_dense_clips_of_a_segment_by_the_times_of_its_frames(tmp_path):
    """In a video whose rate halves after the first second."""
    times = [*range(10), *range(10, 90, 2)]
    path = encode(tmp_path / "a.mp4", moving_square(50, 36, 48), times=times)
    video = Video(str(path), "a.mp4", UNKNOWN_FRAMES, 0, start=0.5, end=6.0)
    views = Views(3, 1, "dense")
    chosen = {}
    for rate in ("native", "constant"):
        spec = SPEC.replace(sampling_rate=rate, crop_pct=1.0, input_size=36)
        loaded = load_views(video, spec, VIDEO_FILES, views)
        indices = clip_indices(video, lambda n: dense_indices(n, 4, 3), VIDEO_FILES, rate)
        frames = VIDEO_FILES.read(str(path), indices, 36)
        np.testing.assert_array_equal(loaded, frames[:, :, 6:42].reshape(3, 4, 36, 36, 3))
        chosen[rate] = indices.tolist()
    assert chosen["native"] != chosen["constant"]


def test_a_source_of_the_other_modality():
    with refuses("modality", "must be flow", "'rgb'"):
        load_views(video_of(90), SPEC, Drawn(channels=2), KINETICS)


def test_a_jpeg_of_a_shard_is_decoded_once(tmp_path, monkeypatch):
    data = write_data(tmp_path / "data", {"train": 1, "val": 1})
    listing = Listing(write_shards(data, tmp_path / "shards", num_shards=1))
    (video,) = listing.videos("val")
    decode, decoded = JpegClip._decode_frame, []

    def count(clip, jpeg, window):
        decoded.append(jpeg)
        return decode(clip, jpeg, window)

    monkeypatch.setattr(JpegClip, "_decode_frame", count)
    loaded = load_views(video, SPEC, listing.source, KINETICS)
    indices = dense_indices(10, 4)
    assert len(decoded) == len(set(indices.tolist())) == 4
    frames = listing.source.read(video.path, indices[:4], 36)
    assert frames.shape == (4, 36, 48, 3)
    np.testing.assert_array_equal(loaded[:3], [frames[:, :, x : x + 36] for x in (0, 12, 6)])
