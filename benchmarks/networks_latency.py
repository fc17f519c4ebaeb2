"""Measures the networks that the paper compares with, each in turns with TSM ResNet-50, 8 frames.

    python -m benchmarks.networks_latency
    python -m benchmarks.networks_latency --networks=TSM,ECO --time_limit=20
    KERAS_BACKEND=jax python -m benchmarks.networks_latency

Latency is that of one video, and throughput that of batches of 16 videos, or of the largest smaller
power of two whose rounds end in time and whose tensors fit into the memory. Ratios are the medians
of the rounds' ratios, with 95% bootstrap intervals. The paper's figures (Tables 2, 5, 6 and 10) are
beside them. The models are compiled, have fresh weights, and use all cores that the process may
use, or the GPU that Keras' backend finds.
"""

import gc
import importlib.util
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from absl import flags

from benchmarks.paper_networks import BASELINES, NETWORKS, Network, paper_speed
from benchmarks.results import RESULTS, publish, result_path, version_of
from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.timing import interleaved, median_interval

BATCH_SIZE = 16
"""Videos per batch for the throughput (section 5.4)."""

_FEWEST_ROUNDS = 3
_LATENCY_SHARE = 0.4  # of the time limit; the throughput has the rest

_SPEED = (
    *("latency_ms", "latency_ratio", "latency_ratio_low", "latency_ratio_high", "rounds"),
    *("batch_size", "videos_per_s", "throughput_ratio", "throughput_ratio_low"),
    *("throughput_ratio_high", "batch_rounds"),
)
_PAPER = (
    *("paper_table", "paper_latency_ms", "paper_videos_per_s", "paper_baseline"),
    *("paper_latency_ratio", "paper_throughput_ratio"),
)

Row = dict[str, Any]
Calls = Mapping[str, Callable[[], object]]


class Times(NamedTuple):
    """Seconds per batch, in the order of the rounds."""

    network: list[float]
    baseline: list[float]


class Comparison:
    """Measures networks in turns with a baseline, which is built once.

    Args:
        baseline: the network that the others are compared with.
        time_limit: seconds of timed calls per network. Three rounds are always timed.
        rounds: largest number of rounds.
        batch_size: largest number of videos per batch for the throughput.
    """

    def __init__(self, baseline: Network, time_limit: float, rounds: int, batch_size: int):
        from tsm_tf.models.clip import build_model

        self._baseline, self._model = baseline, build_model(baseline.spec)
        self._time_limit, self._rounds, self._batch_size = time_limit, rounds, batch_size

    def measure(self, network: Network) -> Row:
        """Returns the row of a network; without times if one video does not fit into the memory."""
        from tsm_tf.analysis.cost import model_cost
        from tsm_tf.models.clip import build_model

        model = self._model if network is self._baseline else build_model(network.spec)
        cost = model_cost(model)
        row = {
            "network": network.name,
            "frames": network.spec.num_segments * network.clips,
            "multiply_adds_G": round(network.clips * cost.total("multiply_adds") / 1e9, 2),
            "paper_multiply_adds_G": network.multiply_adds or "",
            "parameters_M": round(cost.total("parameters") / 1e6, 3),
            "cores": len(os.sched_getaffinity(0)),
        }
        return {**row, **self._speed(network, model), **paper_columns(network)}

    def _speed(self, network, model) -> Row:
        single = self._times(network, model, 1, _LATENCY_SHARE * self._time_limit)
        if single is None:
            return dict.fromkeys(_SPEED, "")

        batch_size, batch = self._throughput(network, model, single)
        values = (
            round(1000 * statistics.median(single.network), 2),
            *ratio_with_interval(single.network, single.baseline),
            len(single.network),
            batch_size,
            round(batch_size / statistics.median(batch.network), 3),
            *ratio_with_interval(batch.baseline, batch.network),
            len(batch.network),
        )
        return dict(zip(_SPEED, values, strict=True))

    def _throughput(self, network, model, single) -> tuple[int, Times]:
        """Returns the videos per batch, and the times of such batches."""
        limit = (1 - _LATENCY_SHARE) * self._time_limit
        per_video = sum(map(statistics.median, single))
        size = affordable_batch(per_video, limit, self._batch_size)
        while size > 1:
            times = self._times(network, model, size, limit)
            if times is not None:
                return size, times
            size //= 2
        return 1, single

    def _times(self, network, model, videos, limit) -> Times | None:
        """Returns the times of batches of videos; None if they do not fit into the memory."""
        from tsm_tf.analysis.clip_timing import clip_calls, is_out_of_memory

        try:
            calls = {
                "network": clip_calls({"": model}, videos * network.clips)[""],
                "baseline": clip_calls({"": self._model}, videos)[""],
            }
            return Times(**timed_within(calls, limit, self._rounds))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            print(f"  {videos} video(s) do not fit into the memory", flush=True)
            return None


def affordable_batch(seconds: float, limit: float, largest: int) -> int:
    """Returns the largest power of two, up to `largest`, whose rounds end in time.

    Args:
        seconds: seconds per video, of all that is measured.
        limit: seconds for the fewest rounds and two calls before them.
        largest: largest batch.
    """
    size = 1
    while 2 * size <= largest and 2 * size * seconds * (_FEWEST_ROUNDS + 2) <= limit:
        size *= 2
    return size


def timed_within(calls: Calls, limit: float, most: int) -> dict[str, list[float]]:
    """Times functions in turns, for as many rounds as end in time.

    Args:
        calls: functions by name. Each is called twice before the first round.
        limit: seconds for the rounds.
        most: largest number of rounds; the smallest is 3.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    for call in calls.values():  # compiles
        call()
    started = time.perf_counter()
    for call in calls.values():
        call()
    once = time.perf_counter() - started

    rounds = min(most, max(_FEWEST_ROUNDS, int(limit / once)))
    return interleaved(calls, rounds, progress=lambda message: None, warm_up=0)


def ratio_with_interval(
    seconds: Sequence[float], others: Sequence[float]
) -> tuple[float, float, float]:
    """Returns the median of the rounds' ratios, and both ends of its bootstrap interval."""
    ratios = [a / b for a, b in zip(seconds, others, strict=True)]
    low, high = median_interval(ratios)
    return round(statistics.median(ratios), 3), round(low, 3), round(high, 3)


def paper_columns(network: Network) -> Row:
    """Returns the paper's figures of a network, and their ratios to its table's baseline."""
    if network.row is None:
        return dict.fromkeys(_PAPER, "")
    table = network.row[0]
    name, name_here = BASELINES[table]
    speed, baseline = paper_speed(network.row), paper_speed((table, name))

    row: Row = {
        "paper_table": table,
        "paper_latency_ms": speed.latency_ms or "",
        "paper_videos_per_s": speed.videos_per_s or "",
        "paper_baseline": name_here,
        "paper_latency_ratio": "",
        "paper_throughput_ratio": "",
    }
    if speed.latency_ms and baseline.latency_ms:
        row["paper_latency_ratio"] = round(speed.latency_ms / baseline.latency_ms, 3)
    if speed.videos_per_s and baseline.videos_per_s:
        row["paper_throughput_ratio"] = round(speed.videos_per_s / baseline.videos_per_s, 3)
    return row


def add_paper_baselines(rows: Sequence[Row]) -> None:
    """Adds ratios to the baselines of the paper's tables, as measured here; else empty columns."""
    here = {row["network"]: row for row in rows}
    for row in rows:
        baseline = here.get(row["paper_baseline"], {})
        for name in ("latency", "throughput"):
            ratio, other = row[f"{name}_ratio"], baseline.get(f"{name}_ratio")
            is_known = ratio and other
            row[f"{name}_ratio_to_paper_baseline"] = round(ratio / other, 3) if is_known else ""


def chosen(words: Sequence[str]) -> list[Network]:
    """Returns the networks whose names contain one of some words, after the baseline.

    Raises:
        InputError: a word is in no name.
    """
    for word in words:
        if not any(word in network.name for network in NETWORKS):
            known = ", ".join(network.name for network in NETWORKS)
            raise InputError("networks", f"must be in the names of some of: {known}", word)

    baseline, *others = NETWORKS
    kept = [network for network in others if any(word in network.name for word in words)]
    return [baseline, *(kept if words else others)]


def define_flags():
    flags.DEFINE_list(
        "networks", [], "Words, such as ECO: networks whose names contain one. Default: all."
    )
    flags.DEFINE_float(
        "time_limit", 30, "Seconds of timed calls per network, about.", lower_bound=0
    )
    flags.DEFINE_integer("rounds", 20, "Largest number of rounds.", lower_bound=_FEWEST_ROUNDS)
    flags.DEFINE_integer("batch_size", BATCH_SIZE, "Largest batch, in videos.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV and PNG files.")


def main():
    values = flags.FLAGS
    networks = chosen(values.networks)

    import keras

    from tsm_tf.analysis.clip_timing import check_backend, software, timed_device

    check_backend()
    print(f"{timed_device()}, {len(os.sched_getaffinity(0))} core(s), {software()}", flush=True)
    comparison = Comparison(networks[0], values.time_limit, values.rounds, values.batch_size)

    rows, started = [], time.monotonic()
    for number, network in enumerate(networks, 1):
        rows.append(comparison.measure(network))
        gc.collect()  # models refer to themselves
        print(progress(rows[-1], number, len(networks), time.monotonic() - started), flush=True)

    add_paper_baselines(rows)
    version = version_of(keras.backend.backend())
    path = result_path(
        pathlib.Path(values.output), "networks_latency", ["float32"], timed_device(), [version]
    )
    publish(rows, path)
    if importlib.util.find_spec("matplotlib") is None:  # as in environments for JAX
        print("no picture, because matplotlib is not installed")
        return
    from benchmarks.networks_plot import plot

    plot(rows, path.with_suffix(".png"), f"{timed_device()}, {software()}")


def progress(row: Row, number: int, count: int, seconds: float) -> str:
    """Returns a line about a measured network, and the time left."""
    left = seconds / number * (count - number)
    return (
        f"{number}/{count}, {left:.0f} s left: {row['network']}  {row['latency_ms']} ms"
        f" ({row['latency_ratio']}), {row['videos_per_s']} videos/s ({row['throughput_ratio']}),"
        f" batch of {row['batch_size']}"
    )


if __name__ == "__main__":
    cli.run(main, define_flags)
