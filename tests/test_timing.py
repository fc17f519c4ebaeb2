import pytest

from tsm_tf.timing import interleaved, paired_ratio


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
