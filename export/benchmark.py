"""Times online and clip models against each other, in turns, on one machine.

    python -m export.benchmark --models=tsm_online.tflite,plain_2d.tflite --output=latency

Ratios are to the last model. The step of an online model is timed as a whole: the frame goes in,
the caches are handed over, and the logits come out. `invoke_p50_ms` is the runtime's part.
"""

import importlib.util
import itertools
import math
import os
import pathlib
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib import metadata
from typing import TypeVar

import numpy as np
from absl import flags

from export.benchmark_plots import Row, plot, plot_curve
from export.format.metadata import UNCHECKED, read_contents, read_spec
from export.format.reader import Model
from export.runtime import ClipRunner, StreamRunner, load_runner
from export.runtime.engine import RUNTIMES
from export.runtime.interpreter import DELEGATES
from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.files import write_csv
from tsm_tf.timing import interleaved
from tsm_tf.versions import device

_PACKAGES = {
    "litert": "ai-edge-litert",
    "litert_gpu": "ai-edge-litert",
    "ai_edge_litert": "ai-edge-litert",
    "tflite_runtime": "tflite-runtime",
    "tensorflow": "tensorflow",
}
_BLOCK = 10
_LOADS = 5  # memory placement alone changes latency by 1% or more, so models are loaded repeatedly
_STEP, _INVOKE = "step", "invoke"

Name = TypeVar("Name", bound=Hashable)


class Block:
    """Runs a step several times in a row, as a device does, and times each.

    Args:
        step: function without arguments.
        num_steps: number of timed steps.

    Attributes:
        milliseconds: duration of every timed step.
    """

    def __init__(self, step: Callable[[], object], num_steps: int = _BLOCK):
        self.step = step
        self.num_steps = num_steps
        self.milliseconds: list[float] = []

    def __call__(self) -> None:
        """Runs the steps, after one that is not timed: another model has filled the caches."""
        self.step()
        for _ in range(self.num_steps):
            started = time.perf_counter()
            self.step()
            self.milliseconds.append(1000 * (time.perf_counter() - started))

    def newest(self, rounds: int) -> np.ndarray:
        """Returns the durations in the newest blocks, `[rounds, num_steps]`."""
        newest = self.milliseconds[-rounds * self.num_steps :]
        return np.reshape(newest, (rounds, self.num_steps))


def time_steps(
    load: Callable[[], Mapping[Name, Callable[[], object]]],
    rounds: int,
    loads: int = _LOADS,
    num_steps: int = _BLOCK,
) -> dict[Name, np.ndarray]:
    """Times steps in turns, with models that are loaded repeatedly.

    Args:
        load: loads the models and returns their steps by name.
        rounds: blocks per step and load.
        loads: number of loads.
        num_steps: timed steps per block.

    Returns:
        Milliseconds `[loads * rounds, num_steps]` by name.
    """
    times = []
    for number in range(loads):
        print(f"  load {number + 1}/{loads}", flush=True)
        blocks = {name: Block(step, num_steps) for name, step in load().items()}
        interleaved(blocks, rounds, progress=lambda _: None)
        # Earlier blocks were warm-up.
        times.append({name: block.newest(rounds) for name, block in blocks.items()})
    return {name: np.concatenate([found[name] for found in times]) for name in times[0]}


def paired_median(times: np.ndarray, baseline: np.ndarray) -> float:
    """Returns the median over the rounds of the ratios of the blocks' medians.

    A drifting machine does not change it, and neither does a single disturbed step.

    Args:
        times: milliseconds of `time_steps`.
        baseline: those of another step in the same rounds.
    """
    return float(np.median(np.median(times, axis=1) / np.median(baseline, axis=1)))


def make_steps(runner: StreamRunner | ClipRunner) -> dict[str, Callable[[], object]]:
    """Returns functions that run a model's whole step, and the runtime's part of it."""
    step = runner.step if isinstance(runner, StreamRunner) else runner
    inputs = np.random.default_rng(0).integers(0, 256, (4, *runner.shape), dtype=np.uint8)
    cycle = itertools.cycle(inputs)
    return {_STEP: lambda: step(next(cycle)), _INVOKE: runner.engine.run}


def measure(
    models: Sequence[pathlib.Path],
    num_threads: int,
    runtime: str,
    rounds: int,
    delegate: str = "none",
    unchecked: bool = False,
) -> list[Row]:
    """Returns one row per model: percentiles of a step in milliseconds, and a ratio to the last.

    See `paired_median` for the ratio.

    Args:
        models: TFLite files.
        num_threads: threads on the CPU.
        runtime: one of `RUNTIMES`.
        rounds: blocks per model and load.
        delegate: see `load_engine`.
        unchecked: see `StreamRunner`.
    """
    runners = {}

    def load():
        runners.update(
            {path: load_runner(path, num_threads, runtime, delegate, unchecked) for path in models}
        )
        return {
            (path, part): step
            for path, runner in runners.items()
            for part, step in make_steps(runner).items()
        }

    times = time_steps(load, rounds)
    rows = []
    for path, runner in runners.items():
        steps = times[path, _STEP]
        row = _model_columns(path, models, unchecked)
        row |= _time_columns(steps, times[path, _INVOKE], times[models[-1], _STEP])
        row |= _setup_columns(runner, num_threads, delegate)
        row["steps"] = steps.size
        rows.append(row)
    return rows


def _model_columns(path, models, unchecked):
    contents = read_contents(path, unchecked)
    shared = os.path.commonpath([model.absolute().parent.parent for model in models])
    return {
        "model": os.path.relpath(path, shared),
        "variant": contents.variant,
        "multiply_adds": multiply_adds(contents.model),
    }


def _time_columns(steps, invokes, baseline):
    """Returns the columns from milliseconds `[rounds, num_steps]` of a model and the baseline."""
    p50, p90, p99 = (round(float(np.percentile(steps, p)), 3) for p in (50, 90, 99))
    return {
        "p50_ms": p50,
        "p90_ms": p90,
        "p99_ms": p99,
        "ratio": round(paired_median(steps, baseline), 4),
        "invoke_p50_ms": round(float(np.median(invokes)), 3),
    }


def _setup_columns(runner, num_threads, delegate):
    version = metadata.version(_PACKAGES[runner.runtime])
    return {
        "threads": num_threads,
        "runtime": f"{runner.runtime} {version}",
        "delegate": runner.acceleration or delegate,
        "device": device(),
    }


def multiply_adds(model: Model) -> int:
    """Returns the multiply-adds of a step: those of convolutions and dense layers, as in papers."""
    graph = model.graphs[0]
    total = 0

    for operator in graph.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights = graph.tensors[operator.inputs[1]].shape
            is_depthwise = operator.name == "DEPTHWISE_CONV_2D"
            per_output = math.prod(weights[1:3] if is_depthwise else weights[1:])
            total += math.prod(graph.tensors[operator.outputs[0]].shape) * per_output
    return total


def define_flags():
    flags.DEFINE_list("models", None, "TFLite files; ratios are to the last.", required=True)
    flags.DEFINE_bool("unchecked", False, UNCHECKED)
    flags.DEFINE_list("threads", ["1"], "Numbers of threads on the CPU to measure.")
    flags.DEFINE_list(
        "runtimes",
        [],
        f"Runtimes to measure, from {', '.join(RUNTIMES)}. Default: that of `StreamRunner`.",
    )
    flags.DEFINE_string(
        "delegate",
        "none",
        f"none, {', '.join(DELEGATES)}, or the path of a delegate's library, for interpreters.",
    )
    flags.DEFINE_integer(
        "rounds",
        10,
        f"Turns per model in each of {_LOADS} loads; a turn is {_BLOCK} timed steps.",
        lower_bound=1,
    )
    flags.DEFINE_string("output", None, "Folder for latency.csv and latency.png.", required=True)


def main():
    values = flags.FLAGS
    models = [pathlib.Path(name) for name in values.models]
    for path in models:
        read_spec(path, values.unchecked)  # reports a bad file before the first measurement
    if not all(text.isdigit() and int(text) for text in values.threads):
        raise InputError("threads", "must be positive integers", values.threads)

    for runtime in values.runtimes:
        if runtime not in RUNTIMES:
            raise InputError("runtimes", f"must be from {', '.join(RUNTIMES)}", runtime)
    # Also reports a missing runtime, delegate or driver before the first measurement.
    runners = [
        load_runner(models[0], 1, runtime, values.delegate, values.unchecked)
        for runtime in values.runtimes or ["auto"]
    ]
    runtimes = [runner.runtime for runner in runners]
    del runners

    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for runtime in runtimes:
        for threads in map(int, values.threads):
            print(f"{runtime}, {threads} thread(s)", flush=True)
            rows += measure(
                models, threads, runtime, values.rounds, values.delegate, values.unchecked
            )

    for row in rows:
        name = f"{row['model']}, {row['runtime']}, {row['threads']} thread(s)"
        print(f"{row['p50_ms']:8.3f} ms  x{row['ratio']:.3f}  {name}")
    print(f"written to {output}: {', '.join(write_results(rows, output))}")


def write_results(rows: Sequence[Row], folder: pathlib.Path) -> list[str]:
    """Writes the rows as a CSV file and, if matplotlib is installed, as pictures.

    Returns:
        The names of the files.
    """
    write_csv(folder / "latency.csv", rows)
    if not importlib.util.find_spec("matplotlib"):
        return ["latency.csv (no PNG: matplotlib is not installed)"]

    written = ["latency.csv", "latency.png"]
    plot(rows, folder / "latency.png")
    if len({row["multiply_adds"] for row in rows}) > 2:
        plot_curve(rows, folder / "latency_curve.png")
        written.append("latency_curve.png")
    return written


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
