"""Timing in turns: ratios that hold while the machine's speed drifts."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

_WARM_UP_CALLS = 2
_ROUNDS_PER_MESSAGE = 5

Name = TypeVar("Name", bound=Hashable)


def interleaved(
    calls: Mapping[Name, Callable[[], object]],
    rounds: int,
    progress: Callable[[str], object] = print,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, list[float]]:
    """Times functions in turns, once per round, so that a drifting machine slows all equally.

    Args:
        calls: functions by name; each first runs twice without being timed.
        rounds: timed calls per function.
        progress: called with a message every five rounds.
        clock: measures seconds; `time.process_time` for the processor time of work without
            waiting, which other programs on the machine hardly change.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    for call in calls.values():
        for _ in range(_WARM_UP_CALLS):
            call()

    names = list(calls)
    seconds: dict[Name, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        # Every round starts with another function: whatever follows a big model has cold caches.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            started = clock()
            calls[name]()
            seconds[name].append(clock() - started)

        if (number + 1) % _ROUNDS_PER_MESSAGE == 0:
            progress(f"  round {number + 1}/{rounds}")

    return seconds


def paired_ratio(seconds: Sequence[float], baseline: Sequence[float]) -> float:
    """Returns the median of the ratios within each round."""
    return statistics.median(a / b for a, b in zip(seconds, baseline, strict=True))
