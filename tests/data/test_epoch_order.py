import numpy as np
from testing import refuses

from tsm_tf.data.epoch_order import PADDING, Order, Schedule, Share, epoch_order


def test_processes_take_together_what_one_takes():
    whole = epoch_order(10, 4, rng=np.random.default_rng(1))
    assert sorted(whole) == list(range(10)) and list(whole) != list(range(10))
    shares = [
        epoch_order(10, 4, rng=np.random.default_rng(1), drop_last=True, share=Share(i, 2))
        for i in range(2)
    ]
    together = np.concatenate([share.reshape(2, 2) for share in shares], axis=1).ravel()
    np.testing.assert_array_equal(together, whole[:8])


def test_last_batch_is_filled_or_dropped():
    np.testing.assert_array_equal(epoch_order(5, 4), range(5))
    np.testing.assert_array_equal(epoch_order(5, 4, drop_last=True), range(4))
    np.testing.assert_array_equal(epoch_order(5, 4, share=Share(0, 2)), [0, 1, 4, PADDING])
    np.testing.assert_array_equal(epoch_order(5, 4, share=Share(1, 2)), [2, 3, PADDING, PADDING])
    np.testing.assert_array_equal(
        epoch_order(5, 4, share=Share(replicas=2)), [0, 1, 2, 3, 4, *[PADDING] * 3]
    )


def test_resumes_within_an_epoch():
    whole = epoch_order(9, 2, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(
        epoch_order(9, 2, rng=np.random.default_rng(3), first_batch=3), whole[6:]
    )
    assert len(epoch_order(9, 2, first_batch=5)) == 0


def test_a_batch_that_cannot_be_split():
    with refuses("batch_size", "multiple of the 6 devices", "16"):
        Share(0, 3, 2).check(16)


def test_each_pass_is_the_next_epoch():
    schedule = Schedule(5, 2, Order(seed=3, first_epoch=4), shuffle=True)
    first, second = schedule.next_pass(), schedule.next_pass()
    assert schedule.epoch == 6 and schedule.place == 10
    assert set(first[:, 0]) == {4} and set(second[:, 0]) == {5}
    assert [*first[:, 2], *second[:, 2]] == list(range(10))
    for jobs, epoch in ((first, 4), (second, 5)):
        expected = epoch_order(5, 2, rng=np.random.default_rng((3, epoch)))
        np.testing.assert_array_equal(jobs[:, 1], expected)
        np.testing.assert_array_equal(schedule.indices(epoch), expected)


def test_only_the_first_pass_starts_within_an_epoch():
    whole = Schedule(6, 2, Order(seed=1), shuffle=True)
    resumed = Schedule(6, 2, Order(seed=1, first_batch=2), shuffle=True)
    np.testing.assert_array_equal(resumed.next_pass()[:, 1], whole.next_pass()[4:, 1])
    np.testing.assert_array_equal(resumed.next_pass()[:, 1], whole.next_pass()[:, 1])


def test_a_schedule_without_shuffling_keeps_the_order_of_the_list():
    schedule = Schedule(5, 2, Order(seed=9, drop_last=True), shuffle=False)
    assert [schedule.next_pass()[:, 1].tolist() for _ in range(2)] == [[0, 1, 2, 3]] * 2
