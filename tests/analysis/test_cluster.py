import pytest

from tsm_tf.analysis.cluster import (
    TSM,
    Cluster,
    all_reduce_seconds,
    step_seconds,
    training_seconds,
)


def test_ring_by_hand():
    assert all_reduce_seconds(1000, 1, 10) == 0
    assert all_reduce_seconds(1000, 4, 10) == pytest.approx(2 * 3 * 25)  # six messages of a quarter
    assert all_reduce_seconds(1000, 4, 10, 1.0) == pytest.approx(156)


def test_steps_wait_for_the_slower_of_compute_and_input():
    cluster = Cluster(
        clips_per_second=100, clips=50, bandwidth=1e9, input_bandwidth=TSM.values_per_clip * 25
    )
    assert step_seconds(TSM, 1, cluster) == pytest.approx(2.0)
    assert step_seconds(TSM, 1, Cluster(100, 50)) == pytest.approx(0.5)


def test_a_training_takes_its_steps():
    cluster = Cluster(clips_per_second=100, clips=50)
    assert training_seconds(TSM, 1, cluster, videos=1000, epochs=3) == pytest.approx(60 * 0.5)
    two = training_seconds(TSM, 2, cluster, videos=1000, epochs=3)
    assert two == pytest.approx(30 * step_seconds(TSM, 2, cluster))
