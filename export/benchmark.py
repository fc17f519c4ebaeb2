"""Times online and clip models against each other, in turns, on one machine.

    python -m export.benchmark --models=tsm_online.tflite,plain_2d.tflite --threads=1 --output=benchmarks

The last model is the baseline of the ratios. A step of an online model counts whole: the frame in, the caches handed
over, the logits out.
"""

import csv
import os
import pathlib
import platform
from importlib import metadata

import numpy as np
from absl import flags

from export.metadata import read_spec
from export.runtime import RUNTIMES, StreamRunner, load_interpreter, tensor_indices
from tsm_tf import cli
from tsm_tf.analysis.timing import interleaved, paired_ratio
from tsm_tf.errors import InputError

_PACKAGES = {"tflite_runtime": "tflite-runtime", "ai_edge_litert": "ai-edge-litert", "tensorflow": "tensorflow"}
_BLOCK = 10  # steps in a row of one model, as a device runs it; then the next one's turn


def step_of(path: pathlib.Path, num_threads: int, runtime: str):
    """Returns a function that runs a model's whole step once, on frames that it cycles through."""
    spec = read_spec(path)
    shape = (spec.input_size, spec.input_size, spec.channels)
    frames = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    interpreter, _ = load_interpreter(path, num_threads, runtime)
    inputs, outputs = tensor_indices(interpreter)
    image = next((d for d in interpreter.get_input_details() if d["index"] == inputs.get("image")), None)
    if image is not None and len(image["shape"]) == 4:
        runner = StreamRunner(path, num_threads, runtime)
        return lambda: [runner.step(frames[i % 4]) for i in range(_BLOCK)]
    clip = np.resize(frames, (1, spec.num_segments, *shape)).astype(np.float32)

    def run_clip():
        interpreter.set_tensor(inputs["image"], clip)
        interpreter.invoke()
        return interpreter.get_tensor(outputs["logits"])

    return lambda: [run_clip() for _ in range(_BLOCK)]


def measure(models: list[pathlib.Path], num_threads: int, runtime: str, rounds: int) -> list[dict]:
    """Returns one row a model: percentiles of a step in milliseconds, and the median ratio to the last model."""
    steps = {path: step_of(path, num_threads, runtime) for path in models}
    seconds = interleaved(steps, rounds)
    rows = []
    for path in models:
        milliseconds = 1000 * np.array(seconds[path]) / _BLOCK
        percentiles = {f"p{p}_ms": round(float(np.percentile(milliseconds, p)), 3) for p in (50, 90, 99)}
        rows.append(
            {
                "model": f"{path.parent.name}/{path.name}",
                **percentiles,
                "ratio": round(paired_ratio(seconds[path], seconds[models[-1]]), 4),
                "threads": num_threads,
                "runtime": f"{runtime} {metadata.version(_PACKAGES[runtime])}",
                "device": device(),
                "steps": rounds * _BLOCK,
            }
        )
    return rows


def device() -> str:
    """Returns the processor's name."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()


def plot(rows: list[dict], path: pathlib.Path) -> None:
    """Draws the median step of each model, runtime and number of threads, as a PNG."""
    from matplotlib.figure import Figure

    names = [f"{row['model']}\n{row['runtime']}, {row['threads']} thread(s)" for row in rows]
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, [row["p50_ms"] for row in rows], color="#3a7ca5")
    axes.bar_label(bars, [f"{row['p50_ms']:.2f} ms, x{row['ratio']:.3f}" for row in rows], padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel="median of a step (ms)", title=rows[0]["device"])
    figure.savefig(path, dpi=110)


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_list("models", None, "TFLite files; ratios are to the last.", required=True)
    flags.DEFINE_list("threads", ["1"], "Numbers of threads, each measured.")
    flags.DEFINE_list("runtimes", ["tflite_runtime"], f"Which of {', '.join(RUNTIMES)}.")
    flags.DEFINE_integer("rounds", 40, f"Turns of {_BLOCK} steps for each model.", lower_bound=1)
    flags.DEFINE_string("output", None, "Folder for latency.csv and latency.png.", required=True)


def main():
    """Measures, prints, writes."""
    values = flags.FLAGS
    models = [pathlib.Path(name) for name in values.models]
    for path in models:
        read_spec(path)
    if not all(text.isdigit() and int(text) for text in values.threads):
        raise InputError("threads", "must be positive integers", values.threads)
    rows = []
    for runtime in values.runtimes:
        for threads in map(int, values.threads):
            print(f"{runtime}, {threads} thread(s)", flush=True)
            rows += measure(models, threads, runtime, values.rounds)
    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    temporary = output / ".writing.latency.csv"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, output / "latency.csv")
    plot(rows, output / "latency.png")
    for row in rows:
        name = f"{row['model']}, {row['runtime']}, {row['threads']} thread(s)"
        print(f"{row['p50_ms']:8.3f} ms  x{row['ratio']:.3f}  {name}")
    print(f"written to {output}: latency.csv, latency.png")


if __name__ == "__main__":
    cli.run(main, define_flags)
