import numpy as np

from tsm_tf.detection.data.annotated import AnnotatedVideo
from tsm_tf.detection.data.samples import (
    Sample,
    list_samples,
    middle_neighbors,
    middle_window,
    random_neighbors,
    random_window,
)


def drawn(draw, count=300):
    """What a function draws from different generators."""
    return {tuple(draw(np.random.default_rng(seed)).tolist()) for seed in range(count)}


def test_one_sample_per_key_frame_or_video():
    videos = [
        AnnotatedVideo("a", [], 1, (3, 7)),
        AnnotatedVideo("b", []),
        AnnotatedVideo("c", [], 1, ()),
    ]
    assert list_samples(videos) == [Sample(0, 3), Sample(0, 7), Sample(1)]


def test_a_window_starts_anywhere():
    found = drawn(lambda rng: random_window(rng, 6, None, 4))
    assert found == {(0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5)}
    found = drawn(lambda rng: random_window(rng, 6, None, 3, stride=2))
    assert found == {(0, 2, 4), (1, 3, 5)}


def test_a_window_contains_its_key_frame():
    assert drawn(lambda rng: random_window(rng, 6, 1, 3)) == {(0, 1, 2), (1, 2, 3)}
    assert drawn(lambda rng: random_window(rng, 6, 5, 3)) == {(3, 4, 5)}
    found = drawn(lambda rng: random_window(rng, 9, 4, 3, stride=2))
    assert found == {(0, 2, 4), (2, 4, 6), (4, 6, 8)}


def test_short_videos_repeat_their_ends():
    assert drawn(lambda rng: random_window(rng, 1, None, 3)) == {(0, 0, 0)}
    assert drawn(lambda rng: random_window(rng, 2, None, 4)) == {(0, 1, 1, 1)}
    found = drawn(lambda rng: random_window(rng, 2, 1, 3))
    assert found == {(0, 0, 1), (0, 1, 1), (1, 1, 1)}
    assert all(1 in window for window in found)


def test_the_middle_window():
    assert middle_window(32, 8).tolist() == list(range(12, 20))
    assert middle_window(7, 3, stride=2).tolist() == [1, 3, 5]
    assert middle_window(2, 4).tolist() == [0, 1, 1, 1]


def test_neighbors_differ_and_stay_in_the_video():
    found = drawn(lambda rng: random_neighbors(rng, 30, 10, 2))
    offsets = {(b - 10, c - 10) for _, b, c in found}
    assert offsets == {(b, c) for b in range(-2, 3) for c in range(-2, 3) if b != c}
    assert {a for a, _, _ in found} == {10}
    found = drawn(lambda rng: random_neighbors(rng, 4, None, 9))
    assert {a for a, _, _ in found} == {0, 1, 2, 3}
    assert all(0 <= place < 4 for sample in found for place in sample)
    assert drawn(lambda rng: random_neighbors(rng, 1, None, 9)) == {(0, 0, 0)}
    assert middle_neighbors(32, 9).tolist() == [16, 12, 20]
    assert middle_neighbors(1, 9).tolist() == [0, 0, 0]
