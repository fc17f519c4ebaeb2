import pytest

from tsm_tf.timing import interleaved, median_interval, paired_ratio


def test_functions_take_turns_and_each_round_starts_with_another():
    calls, messages = [], []
    names = ("a", "b", "c")
    functions = {name: lambda name=name: calls.append(name) for name in names}
    seconds = interleaved(functions, 5, progress=messages.append)

    warm_up, timed = "".join(calls[:6]), "".join(calls[6:])
    assert warm_up == "aabbcc"
    assert timed == "abcbcacababcbca"
    assert {name: len(times) for name, times in seconds.items()} == {"a": 5, "b": 5, "c": 5}
    assert all(0 <= time < 1 for times in seconds.values() for time in times)
    interleaved({"d": lambda: calls.append("d")}, 2, warm_up=3)
    assert calls[-5:] == ["d"] * 5 and calls[-6] != "d"
    assert messages == ["  round 5/5, 0 s left"]


def test_ratio_is_the_median_of_the_rounds_ratios():
    # The machine is ten times slower in the last round; the medians' ratio would be 3.
    assert paired_ratio([2.0, 3.0, 40.0], [1.0, 1.0, 10.0]) == pytest.approx(3.0)
    assert paired_ratio([2.0, 20.0, 3.0], [1.0, 10.0, 30.0]) == pytest.approx(2.0)


def test_the_interval_of_the_median():
    assert median_interval([2.0]) == (2.0, 2.0)
    low, high = median_interval([1.0, 2.0, 3.0, 4.0, 100.0])
    assert low in (1.0, 2.0) and high in (4.0, 100.0)

    values = [float(i) for i in range(101)]
    wide, narrow = median_interval(values, 0.95), median_interval(values, 0.5)
    # The standard deviation of the median of 101 values, evenly spread from 0 to 100, is 5.
    assert wide == (pytest.approx(40, abs=4), pytest.approx(60, abs=4))
    assert narrow == (pytest.approx(47, abs=2), pytest.approx(53, abs=2))
    assert median_interval(values) == wide
