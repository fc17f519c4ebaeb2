"""Timing in turns: ratios that hold while the machine's speed drifts."""

import pathlib
import statistics
import time

from tsm_tf.files import write_csv


def interleaved(calls: dict, rounds: int, progress=print) -> dict[str, list[float]]:
    """Times each call once a round, in turns, so that a drifting machine slows all alike.

    Args:
        calls: names to functions without arguments; each runs twice first, uncounted.
        rounds: timed calls of each.
        progress: is told about every fifth round.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    for call in calls.values():
        call()
        call()
    seconds = {name: [] for name in calls}
    for number in range(rounds):
        # Every round starts with another one: what runs after a big model finds colder caches.
        order = list(calls)[number % len(calls) :] + list(calls)[: number % len(calls)]
        for name in order:
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
        if (number + 1) % 5 == 0:
            progress(f"  round {number + 1}/{rounds}")
    return seconds


def paired_ratio(seconds: list[float], baseline: list[float]) -> float:
    """Returns the median of the ratios within each round."""
    return statistics.median(a / b for a, b in zip(seconds, baseline, strict=True))


def publish(rows: list[dict], path: pathlib.Path) -> None:
    """Prints a benchmark's rows and writes them as a CSV."""
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    write_csv(path, rows)
    print(f"written to {path}")
