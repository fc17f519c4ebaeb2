"""Timing in turns: ratios that hold while the machine's speed drifts."""

import random
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

WARM_UP_CALLS = 2
_ROUNDS_PER_MESSAGE = 5
_RESAMPLES = 1000

Name = TypeVar("Name", bound=Hashable)


def interleaved(
    calls: Mapping[Name, Callable[[], object]],
    rounds: int,
    progress: Callable[[str], object] = print,
    warm_up: int = WARM_UP_CALLS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, list[float]]:
    """Times functions in turns, once per round, so that a drifting machine slows all equally.

    Args:
        calls: functions by name.
        rounds: timed calls per function.
        progress: called with a message every five rounds.
        warm_up: calls of each function before the first round, which are not timed.
        clock: measures seconds; `time.process_time` for the processor time of work without
            waiting, which other programs on the machine hardly change.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    for call in calls.values():
        for _ in range(warm_up):
            call()

    names, first_round = list(calls), time.perf_counter()
    seconds: dict[Name, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        # Every round starts with another function: whatever follows a big model has cold caches.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            started = clock()
            calls[name]()
            seconds[name].append(clock() - started)

        if (number + 1) % _ROUNDS_PER_MESSAGE == 0:
            left = (time.perf_counter() - first_round) * (rounds / (number + 1) - 1)
            progress(f"  round {number + 1}/{rounds}, {left:.0f} s left")

    return seconds


def paired_ratio(seconds: Sequence[float], baseline: Sequence[float]) -> float:
    """Returns the median of the ratios within each round."""
    return statistics.median(a / b for a, b in zip(seconds, baseline, strict=True))


def median_interval(values: Sequence[float], share: float = 0.95) -> tuple[float, float]:
    """Returns a bootstrap interval of the median.

    Args:
        values: measurements, such as the ratios of the rounds.
        share: share of the medians of 1000 resamples that lie in the interval. The resamples
            are always the same.
    """
    generator = random.Random(0)
    medians = sorted(
        statistics.median(generator.choices(values, k=len(values))) for _ in range(_RESAMPLES)
    )
    outside = round(_RESAMPLES * (1 - share) / 2)
    return medians[outside], medians[-1 - outside]
