"""Times online and clip models against each other, in turns, on one machine.

    python -m export.benchmark --models=tsm_online.tflite,plain_2d.tflite --threads=1 --output=benchmarks

The last model is the baseline of the ratios. A step of an online model counts whole: the frame in, the caches handed
over, the logits out; `invoke_p50_ms` is the interpreter's part of it.
"""

import importlib.util
import itertools
import math
import os
import pathlib
import platform
import time
from importlib import metadata

import numpy as np
from absl import flags

from export.format.metadata import read_contents, read_spec
from export.format.reader import Model, read_model
from export.runtime import ClipRunner, StreamRunner
from export.runtime.interpreter import DELEGATES, RUNTIMES, load_interpreter
from tsm_tf import cli
from tsm_tf.analysis.timing import interleaved
from tsm_tf.errors import InputError
from tsm_tf.files import write_csv

_PACKAGES = {
    "tflite_runtime": "tflite-runtime",
    "ai_edge_litert": "ai-edge-litert",
    "tensorflow": "tensorflow",
}
_BLOCK = 10
_LOADS = 5  # where a model's memory comes to lie moves its time by 1% or more: each is loaded so often, and measured


class Block:
    """Runs a step `_BLOCK` times in a row, as a device does; `milliseconds` holds how long each took."""

    def __init__(self, step):
        self.step = step
        self.milliseconds = []

    def __call__(self):
        """One more block; its first step, on processor caches that another model has filled, does not count."""
        self.step()
        for _ in range(_BLOCK):
            started = time.perf_counter()
            self.step()
            self.milliseconds.append(1000 * (time.perf_counter() - started))


def steps_of(path: pathlib.Path, num_threads: int, runtime: str, delegate: str = "none"):
    """Returns two functions without arguments: a model's whole step, and the interpreter's part alone."""
    contents = read_contents(path)
    spec = contents.spec
    shape = (spec.input_size, spec.input_size, spec.channels)
    if contents.is_online:
        runner = StreamRunner(path, num_threads, runtime, delegate)
        shape, step = (runner.num_streams, *shape) if runner.num_streams > 1 else shape, runner.step
    else:
        runner = ClipRunner(path, num_threads, runtime, delegate)
        shape, step = (spec.num_segments, *shape), runner
    cycle = itertools.cycle(np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8))
    return lambda: step(next(cycle)), runner.interpreter.invoke


def measure(
    models: list[pathlib.Path], num_threads: int, runtime: str, rounds: int, delegate: str = "none"
) -> list[dict]:
    """Returns one row a model: percentiles of a step in milliseconds, and the median ratio to the last model.

    The ratio is the median over the rounds of the ratios of the blocks' medians, so that neither a drifting machine
    nor a single disturbed step moves it.
    """
    times = {(path, part): np.empty((0, _BLOCK)) for path in models for part in range(2)}
    for load in range(_LOADS):
        print(f"  load {load + 1}/{_LOADS}", flush=True)
        blocks = {
            (path, part): Block(step)
            for path in models
            for part, step in enumerate(steps_of(path, num_threads, runtime, delegate))
        }
        interleaved(blocks, rounds, progress=lambda _: None)
        for (
            name,
            block,
        ) in blocks.items():  # what came before the last `rounds` blocks was warming up
            counted = np.reshape(block.milliseconds[-rounds * _BLOCK :], (rounds, _BLOCK))
            times[name] = np.concatenate([times[name], counted])
    baseline = np.median(times[models[-1], 0], axis=1)
    rows = []
    for path in models:
        steps = times[path, 0]
        percentiles = {f"p{p}_ms": round(float(np.percentile(steps, p)), 3) for p in (50, 90, 99)}
        rows.append(
            {
                "model": _name(path, models),
                "variant": read_contents(path).variant,
                "multiply_adds": multiply_adds(read_model(path)),
                **percentiles,
                "ratio": round(float(np.median(np.median(steps, axis=1) / baseline)), 4),
                "invoke_p50_ms": round(float(np.median(times[path, 1])), 3),
                "threads": num_threads,
                "runtime": f"{runtime} {metadata.version(_PACKAGES[runtime])}",
                "delegate": delegate,
                "device": device(),
                "steps": steps.size,
            }
        )
    return rows


def _name(path, models):
    """Returns a file's path from the folder that all share."""
    return os.path.relpath(
        path, os.path.commonpath([model.absolute().parent.parent for model in models])
    )


def multiply_adds(model: Model) -> int:
    """Returns the multiply-adds of a step: of convolutions and dense layers, as papers count them."""
    graph, total = model.graphs[0], 0
    for operator in graph.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights = graph.tensors[operator.inputs[1]].shape
            inputs = (
                weights[1:3] if operator.name == "DEPTHWISE_CONV_2D" else weights[1:]
            )  # of one output
            total += math.prod(graph.tensors[operator.outputs[0]].shape) * math.prod(inputs)
    return total


def device() -> str:
    """Returns the processor's name."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [
        line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))
    ]
    return names[0] if names else platform.processor() or platform.machine()


def plot(rows: list[dict], path: pathlib.Path) -> None:
    """Draws the median step of each model, runtime and number of threads, as a PNG."""
    from matplotlib.figure import Figure

    names = [f"{row['model']}\n{row['runtime']}, {row['threads']} thread(s)" for row in rows]
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, [row["p50_ms"] for row in rows], color="#3a7ca5")
    axes.bar_label(
        bars, [f"{row['p50_ms']:.2f} ms, x{row['ratio']:.3f}" for row in rows], padding=4
    )
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel="median of a step (ms)", title=rows[0]["device"])
    figure.savefig(path, dpi=110)


def plot_curve(rows: list[dict], path: pathlib.Path) -> None:
    """Draws the median step over the multiply-adds, a line for each runtime, variant and number of threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    lines = {}
    for row in rows:
        key = f"{row['runtime']}, {row['variant']}, {row['threads']} thread(s)"
        lines.setdefault(key, []).append(
            (row["multiply_adds"] / 1e6, row["p50_ms"], row["model"].rpartition("/")[0])
        )
    for key, points in lines.items():
        axes.plot(*zip(*((x, y) for x, y, _ in sorted(points)), strict=True), "o-", label=key)
    for x, y, name in next(iter(lines.values())):
        axes.annotate(name, (x, y), (-6, 5), textcoords="offset points", fontsize=8, ha="right")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="multiply-adds of a frame (millions)",
        ylabel="median of a step (ms)",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.set_title(rows[0]["device"])
    axes.margins(x=0.25, y=0.15)
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path, dpi=110)


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_list("models", None, "TFLite files; ratios are to the last.", required=True)
    flags.DEFINE_list("threads", ["1"], "Numbers of threads, each measured.")
    flags.DEFINE_list(
        "runtimes", [], f"Which of {', '.join(RUNTIMES)}; default: the first that is installed."
    )
    flags.DEFINE_string(
        "delegate", "none", f"none, {', '.join(DELEGATES)}, or the path of a delegate's library."
    )
    rounds = f"Turns of {_BLOCK} steps for each model, in each of {_LOADS} loads."
    flags.DEFINE_integer("rounds", 10, rounds, lower_bound=1)
    flags.DEFINE_string("output", None, "Folder for latency.csv and latency.png.", required=True)


def main():
    """Measures, prints, writes."""
    values = flags.FLAGS
    models = [pathlib.Path(name) for name in values.models]
    for path in models:
        read_spec(path)
    if not all(text.isdigit() and int(text) for text in values.threads):
        raise InputError("threads", "must be positive integers", values.threads)
    runtimes = values.runtimes or [load_interpreter(models[0], delegate=values.delegate)[1]]
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise InputError("runtimes", f"must be of {', '.join(RUNTIMES)}", runtime)
    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for runtime in runtimes:
        for threads in map(int, values.threads):
            print(f"{runtime}, {threads} thread(s)", flush=True)
            rows += measure(models, threads, runtime, values.rounds, values.delegate)
    write_csv(output / "latency.csv", rows)
    written = ["latency.csv"]
    if importlib.util.find_spec("matplotlib"):
        plot(rows, output / "latency.png")
        written.append("latency.png")
        if len({row["multiply_adds"] for row in rows}) > 2:
            plot_curve(rows, output / "latency_curve.png")
            written.append("latency_curve.png")
    for row in rows:
        name = f"{row['model']}, {row['runtime']}, {row['threads']} thread(s)"
        print(f"{row['p50_ms']:8.3f} ms  x{row['ratio']:.3f}  {name}")
    print(
        f"written to {output}: {', '.join(written)}",
        "" if written[1:] else "(no PNG: matplotlib is not installed)",
    )


if __name__ == "__main__":
    cli.run(main, define_flags)
