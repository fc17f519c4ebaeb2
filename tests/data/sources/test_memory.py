"""Decoded videos in memory: the same frames, within the limit."""

import concurrent.futures
import contextlib

import numpy as np
import pytest
from testing import video_frames
from videos import encode, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.memory import MemoryCache
from tsm_tf.data.sources.video_file import VIDEO_FILES, VideoFiles, read_frames

FRAMES, HEIGHT, WIDTH = 6, 32, 48
VIDEO_BYTES = FRAMES * 16 * 24 * 3  # at a short side of 16


class Counting(VideoFiles):
    """Video files that remember what was asked of them; may claim another length."""

    def __init__(self, claimed=None):
        super().__init__()
        self.claimed, self.counted, self.read_indices = claimed, [], []

    def num_frames(self, path):
        self.counted.append(path)
        return self.claimed or super().num_frames(path)

    def read(self, path, indices, *options):
        self.read_indices.append(list(indices))
        return super().read(path, indices, *options)


@pytest.fixture
def videos(tmp_path):
    paths = [str(tmp_path / f"{i}.mp4") for i in range(3)]
    for i, path in enumerate(paths):
        encode(path, video_frames(FRAMES, HEIGHT, WIDTH, 3, seed=i))
    return paths


def test_a_video_is_decoded_once(videos):
    source = Counting()
    cache = MemoryCache(source, VIDEO_BYTES)
    expected = read_frames(videos[0], [4, 1, 1], 16)
    for _ in range(3):
        np.testing.assert_array_equal(cache.read(videos[0], [4, 1, 1], 16), expected)
    assert source.read_indices == [list(range(FRAMES))] and source.counted == [videos[0]]
    assert cache.num_frames(videos[0]) == FRAMES and source.counted == [videos[0]]


def test_sizes_are_kept_apart(videos):
    cache = MemoryCache(VIDEO_FILES, 10 * VIDEO_BYTES)
    for _ in range(2):
        for size in (16, 20):
            expected = read_frames(videos[0], [2], size)
            np.testing.assert_array_equal(cache.read(videos[0], [2], size), expected)


def test_what_finds_no_room_is_decoded(videos, tmp_path):
    cache = MemoryCache(VIDEO_FILES, 2 * VIDEO_BYTES)
    expected = [read_frames(path, range(FRAMES), 16) for path in videos]
    for _ in range(2):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda path: cache.read(path, range(FRAMES), 16), videos * 3))
        for frames, wanted in zip(found, expected * 3, strict=True):
            np.testing.assert_array_equal(frames, wanted)
    kept = 0
    for path in videos:
        (tmp_path / path).unlink()
        with contextlib.suppress(FileNotFoundError):
            kept += len(cache.read(path, [0], 16))
    assert kept == 2


def test_nothing_is_kept_without_room(videos):
    source = Counting()
    np.testing.assert_array_equal(
        MemoryCache(source, 0).read(videos[0], [3], 16), read_frames(videos[0], [3], 16)
    )
    assert source.read_indices == [[3]] and not source.counted


def test_a_long_video_is_not_decoded_whole_to_find_that_out(videos):
    source = Counting(claimed=10_000)
    MemoryCache(source, VIDEO_BYTES).read(videos[0], [3], 16)
    assert source.read_indices == [[3]]


def test_broken_frames_that_nobody_asks_for_cost_nothing(videos):
    """As without a cache, only a requested frame has to exist."""
    source = Counting(claimed=9)
    cache = MemoryCache(source, 10 * VIDEO_BYTES)
    np.testing.assert_array_equal(cache.read(videos[0], [5], 16), read_frames(videos[0], [5], 16))
    assert source.read_indices == [list(range(9)), [5]]
    with pytest.raises(BadVideoError, match="frame 8 is requested"):
        cache.read(videos[0], [8], 16)


def test_a_frame_behind_the_end_of_a_cached_video_is_an_error(videos):
    cache = MemoryCache(VIDEO_FILES, 10 * VIDEO_BYTES)
    cache.read(videos[0], [0], 16)
    with pytest.raises(BadVideoError, match="frame 6 is requested, the last is 5"):
        cache.read(videos[0], [6], 16)


def test_clips_from_a_cache_are_those_from_the_files(tmp_path):
    data = write_data(tmp_path, {"train": 4, "val": 2})
    spec = ModelSpec(
        num_classes=2, labels=("Swiping Left", "Swiping Right"), num_segments=4, input_size=32
    )
    cache = MemoryCache(VIDEO_FILES, 1 << 30)
    for split, augmentation in (("train", Augmentation()), ("val", None)):
        plain, cached = (
            clip_dataset(data, spec, split, 2, augmentation=augmentation, source=source).repeat(2)
            for source in (VIDEO_FILES, cache)
        )
        for (clips, labels), (others, other_labels) in zip(plain, cached, strict=True):
            np.testing.assert_array_equal(clips, others)
            np.testing.assert_array_equal(labels, other_labels)
