import json

import numpy as np
import pytest
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.data.views import Views


@pytest.fixture(scope="module")
def golden(golden_dir):
    return json.loads((golden_dir / "sampling.json").read_text())


def spec_of(num_segments, **fields):
    return ModelSpec(num_segments=num_segments, **fields)


def test_official_frames_of_two_clips(golden):
    views = Views(clips=2, sampling="twice")
    for num_segments, length, num_frames, expected in golden["twice"]:
        if length == 3:
            continue  # neither RGB nor flow
        spec = spec_of(num_segments, modality="flow" if length == 5 else "rgb")
        frames = views.choose_frames(num_frames, spec).reshape(-1, length)
        wanted = np.clip(np.array(expected)[:, None] + np.arange(length), 0, num_frames - 1)
        np.testing.assert_array_equal(frames, wanted, (num_segments, length, num_frames))


def test_official_frames_of_ten_dense_clips(golden):
    views = Views(clips=10, sampling="dense")
    for num_segments, num_frames, expected in golden["dense_test"]:
        frames = views.choose_frames(num_frames, spec_of(num_segments)).tolist()
        assert frames == expected, (num_segments, num_frames)


def test_other_numbers_of_dense_clips_are_spread_from_the_start_to_the_end():
    frames = Views(clips=3, sampling="dense").choose_frames(100, spec_of(4)).reshape(3, 4)
    assert frames.tolist() == [[0, 16, 32, 48], [18, 34, 50, 66], [36, 52, 68, 84]]


def test_numbers_that_a_sampling_does_not_give():
    with refuses("sampling", "uniform, twice, dense", "'random'"):
        Views(sampling="random")
    for clips, sampling, rule in (
        (2, "uniform", "must be 1 with uniform"),
        (1, "twice", "must be 2 with twice"),
        (3, "twice", "must be 2 with twice"),
        (1, "dense", "must be 2 to 64 with dense"),
        (0, "dense", "must be 2 to 64 with dense"),
        (65, "dense", "must be 2 to 64 with dense"),
    ):
        with refuses("clips", rule, str(clips)):
            Views(clips=clips, sampling=sampling)
    for crops in (0, 2, 9):
        with refuses("crops", "1, 3, 5, 10", str(crops)):
            Views(crops=crops)
    with refuses("sampling", "64 frames", "num_segments=65"):
        Views(clips=2, sampling="dense").sized(spec_of(65))


def test_full_resolution_keeps_the_short_side():
    spec = spec_of(8)
    assert (spec.input_size, spec.short_side) == (224, 256)
    assert Views(crops=3).sized(spec) is spec
    full = Views(crops=3, full_resolution=True).sized(spec)
    assert (full.input_size, full.short_side) == (256, 256)
    assert Views(full_resolution=True).sized(full) == full
    odd = Views(full_resolution=True).sized(spec_of(8, input_size=33))
    assert (odd.input_size, odd.short_side) == (37, 37)


def test_the_number_of_views():
    assert Views().count == 1
    assert Views(10, 3, "dense", full_resolution=True).count == 30
