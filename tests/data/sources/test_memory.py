"""Decoded videos that stay in memory: the same frames, within the budget."""

import concurrent.futures
import contextlib

import numpy as np
import pytest
from testing import video_frames
from videos import encode, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.sources import memory as cache_module
from tsm_tf.data.sources.memory import FrameCache
from tsm_tf.data.sources.video_file import BadVideoError, read_frames

FRAMES, HEIGHT, WIDTH = 6, 32, 48
VIDEO_BYTES = FRAMES * 16 * 24 * 3  # at a short side of 16


@pytest.fixture
def videos(tmp_path):
    paths = [tmp_path / f"{i}.mp4" for i in range(3)]
    for i, path in enumerate(paths):
        encode(path, video_frames(FRAMES, HEIGHT, WIDTH, 3, seed=i))
    return paths


def test_frames_stay_after_the_file(videos):
    cache = FrameCache(VIDEO_BYTES)
    expected = read_frames(videos[0], [4, 1, 1], 16)
    np.testing.assert_array_equal(cache.read_frames(videos[0], [4, 1, 1], 16, FRAMES), expected)
    videos[0].unlink()
    np.testing.assert_array_equal(cache.read_frames(videos[0], [4, 1, 1], 16, FRAMES), expected)


def test_what_finds_no_room_is_decoded(videos):
    cache = FrameCache(2 * VIDEO_BYTES)
    expected = [read_frames(path, range(FRAMES), 16) for path in videos]
    for _ in range(2):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            found = list(
                pool.map(
                    lambda path: cache.read_frames(path, range(FRAMES), 16, FRAMES), videos * 3
                )
            )
        for frames, wanted in zip(found, expected * 3, strict=True):
            np.testing.assert_array_equal(frames, wanted)
    kept = 0
    for path in videos:
        path.unlink()
        with contextlib.suppress(FileNotFoundError):
            kept += len(cache.read_frames(path, [0], 16, FRAMES))
    assert kept == 2


def test_a_long_video_is_not_decoded_whole_to_find_that_out(videos, monkeypatch):
    asked = []
    monkeypatch.setattr(
        cache_module, "read_frames", lambda path, indices, _: asked.append(list(indices))
    )
    FrameCache(VIDEO_BYTES).read_frames(videos[0], [3], 16, 10_000)
    assert asked == [[3]]


def test_a_list_that_promises_too_much_costs_nothing_that_is_there(videos):
    """As without a cache, only a frame that is asked for has to be there."""
    cache = FrameCache(10 * VIDEO_BYTES)
    np.testing.assert_array_equal(
        cache.read_frames(videos[0], [5], 16, 9), read_frames(videos[0], [5], 16)
    )
    with pytest.raises(BadVideoError, match="frame 8 is asked for"):
        cache.read_frames(videos[0], [8], 16, 9)


def test_clips_of_a_cache_are_those_of_the_files(tmp_path):
    data = write_data(tmp_path, {"train": 4, "val": 2})
    spec = ModelSpec(
        num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=4, input_size=32
    )
    cache = FrameCache(1 << 30)
    for split, training in (("train", True), ("val", False)):
        plain = clip_dataset(data, spec, split, training, 2).repeat(2)
        cached = clip_dataset(data, spec, split, training, 2, cache=cache).repeat(2)
        for (clips, labels), (others, other_labels) in zip(plain, cached, strict=True):
            np.testing.assert_array_equal(clips, others)
            np.testing.assert_array_equal(labels, other_labels)
