import json

import numpy as np
import pytest

from tsm_tf.data import sampling


@pytest.fixture(scope="module")
def golden(golden_dir):
    return json.loads((golden_dir / "sampling.json").read_text())


@pytest.mark.parametrize("rule", ["val", "test", "twice"])
def test_official_indices(golden, rule):
    name = "center_indices" if rule == "test" else f"{rule}_indices"
    function = getattr(sampling, name)
    for num_segments, new_length, num_frames, expected in golden[rule]:
        assert function(num_frames, num_segments, new_length).tolist() == expected, (
            num_segments,
            num_frames,
        )


def test_official_dense_indices(golden):
    for num_segments, num_frames, expected in golden["dense_test"]:
        assert sampling.dense_indices(num_frames, num_segments).tolist() == expected, (
            num_segments,
            num_frames,
        )


def test_training_reaches_all_of_each_segment_and_no_more(golden):
    rng = np.random.default_rng(0)
    for num_segments, num_frames, smallest, largest in golden["train_possible"]:
        draws = np.stack(
            [sampling.train_indices(num_frames, num_segments, rng) for _ in range(3000)]
        )
        assert draws.min(0).tolist() == smallest and draws.max(0).tolist() == largest
        assert (np.diff(draws, axis=1) >= 0).all()


def test_training_on_flow_shorter_than_its_stack_takes_the_start():
    assert sampling.train_indices(3, 2, np.random.default_rng(0), new_length=5).tolist() == [0, 0]
    draws = np.stack(
        [
            sampling.train_indices(9, 6, np.random.default_rng(seed), new_length=5)
            for seed in range(200)
        ]
    )
    assert draws.min() == 0 and draws.max() == 4 and (np.diff(draws, axis=1) >= 0).all()


def test_consecutive_frames_repeat_the_last():
    starts = np.array([0, 3, 6])
    assert sampling.consecutive(starts, 8, 3).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert sampling.consecutive(starts, 7, 1).tolist() == [0, 3, 6]
    # A video shorter than the frames of a segment: the official starts may be below 0.
    starts = sampling.center_indices(1, 4, 5)
    assert starts.min() < 0 and sampling.consecutive(starts, 1, 5).tolist() == [0] * 20
