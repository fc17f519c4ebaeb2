"""Measures this project's files against those that litert-torch makes of the original.

    python -m benchmarks.litert_torch_latency --ours=build/ours --theirs=build/theirs \\
      --torch_python=.venv-litert-torch/bin/python

Each file of `--ours` takes turns with the files of the same name in the folders of `--theirs`, in
one process, on the interpreter of each runtime. Files of both are run by the same code: a frame of
uint8 goes in, the caches are handed over, and the logits come out. Our whole `StreamRunner.step`,
or `ClipRunner`, is measured as well. The ratio is to litert-torch's file in PyTorch's layout.
"""

import itertools
import pathlib
import subprocess
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import numpy as np
from absl import flags

from benchmarks.litert_torch_files import caches_feed_back, has_name, read_renamed
from benchmarks.litert_torch_plot import plot_ratios
from benchmarks.results import RESULTS, publish, result_path
from benchmarks.tflite_latency import RUNTIMES, find_models
from export.benchmark import paired_median, time_steps
from export.format.reader import Model, read_model
from export.runtime import load_runner
from export.runtime.compiled_model import NO_DRIVER, compile_model
from export.runtime.interpreter_engine import InterpreterEngine
from tsm_tf import cli
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.versions import device

THEIRS = "litert-torch"
"""The folder of `--theirs` whose files are the baseline: those in PyTorch's layout."""

OURS, RUNNER = "tsm-tf", "tsm-tf, runner"
_SCRIPT = pathlib.Path(__file__).with_name("original_files.py")
_VERSION = "from importlib.metadata import version; print(version('litert-torch'))"
_PACKAGES = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}

Row = dict[str, Any]


def litert_torch_version(python: str) -> str:
    """Returns the version of litert-torch in an environment.

    Raises:
        InputError: not an interpreter, or one without litert-torch.
    """
    try:
        found = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        rule = "must be an interpreter with litert-torch"
        raise InputError("torch_python", rule, python) from None
    return found.stdout.strip()


def write_originals(python: str, folder: pathlib.Path, input_size: int) -> None:
    """Writes the original's networks into `folder`.

    Raises:
        subprocess.CalledProcessError: the conversion failed; it has reported why.
    """
    command = [python, str(_SCRIPT), str(folder), str(input_size)]
    subprocess.run(command, check=True)


def find_groups(ours: list[pathlib.Path], theirs: pathlib.Path) -> list[dict[str, pathlib.Path]]:
    """Returns, for each file of ours, the compared files by the name of who wrote them.

    Raises:
        MissingFile: a path does not exist, or the baseline lacks a file.
        InputError: a folder without TFLite files.
    """
    groups = []
    for path in find_models(ours):
        rivals = {found.parent.name: found for found in sorted(theirs.glob(f"*/{path.name}"))}
        if THEIRS not in rivals:
            expected = theirs / THEIRS / path.name
            raise MissingFile("theirs", f"must contain {THEIRS}/{path.name}", str(expected))
        groups.append({OURS: path, **rivals})
    return groups


def acceleration(model: Model) -> str:
    """Returns whether a GPU runs all, a part or none of a file; empty without a driver."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            _, is_full = compile_model(model, 1, "litert_gpu")
    except InputError as error:
        print(f"  {model.path} on a GPU: {error}", flush=True)
        return "" if NO_DRIVER in str(error) else "none"
    return "full" if is_full else "part"


def file_columns(path: pathlib.Path) -> Row:
    """Returns what a file shows without being run, and what a GPU runs of it."""
    model = read_model(path)
    names = list(model.signature.inputs)
    return {
        "megabytes": round(len(model.data) / 1e6, 2),
        "inputs": len(names),
        "named_inputs": sum(map(has_name, names)),
        "caches_feed_back": caches_feed_back(read_renamed(path)),
        "gpu": acceleration(model),
    }


def load_steps(
    group: dict[str, pathlib.Path], num_threads: int, runtime: str
) -> dict[str, Callable[[], object]]:
    """Loads the files of a group and returns their steps, by name."""
    frames = np.random.default_rng(0).integers
    steps = {}
    for name, path in group.items():
        model = read_renamed(path)
        engine = InterpreterEngine(model, num_threads, runtime, "none")
        engine.fill_caches({}, slice(None))
        shape = model.interface()[0]["image"].shape
        steps[name] = _on_frames(engine.step, frames(0, 256, (4, *shape), dtype=np.uint8))

    runner = load_runner(group[OURS], num_threads, runtime)
    step = getattr(runner, "step", runner)
    steps[RUNNER] = _on_frames(step, frames(0, 256, (4, *runner.shape), dtype=np.uint8))
    return steps


def find_runnable(
    group: dict[str, pathlib.Path], num_threads: int, runtime: str
) -> dict[str, pathlib.Path]:
    """Leaves out litert-torch's files that a runtime refuses, and says so."""
    runnable = {}
    for name, path in group.items():
        try:
            InterpreterEngine(read_renamed(path), num_threads, runtime, "none")
        except InputError as error:
            if name == OURS:
                raise
            print(f"*** {path} IS LEFT OUT: {error} ***", flush=True)
        else:
            runnable[name] = path
    return runnable


def _on_frames(step, frames):
    cycle = itertools.cycle(frames)
    return lambda: step(next(cycle))


def measure(
    group: dict[str, pathlib.Path], num_threads: int, runtime: str, rounds: int
) -> list[Row]:
    """Returns one row per file and way to run it, with the ratio to litert-torch's file.

    A clip takes seconds, so it is loaded once and has fewer rounds. Files that the runtime refuses
    have no row, and without litert-torch's file there is no ratio.
    """
    group = find_runnable(group, num_threads, runtime)
    is_online = len(read_model(group[OURS]).signature.inputs) > 1
    times = time_steps(
        lambda: load_steps(group, num_threads, runtime),
        rounds if is_online else max(1, rounds // 3),
        loads=5 if is_online else 1,
        num_steps=10 if is_online else 1,
    )

    baseline = times.get(THEIRS)
    network, _, variant = group[OURS].stem.rpartition("_")
    return [
        {
            "network": network,
            "variant": variant,
            "writer": name,
            "runtime": f"{runtime} {metadata.version(_PACKAGES[runtime])}",
            "threads": num_threads,
            "p50_ms": round(float(np.median(times[name])), 3),
            "ratio": "" if baseline is None else round(paired_median(times[name], baseline), 4),
            "steps": times[name].size,
            "device": device(),
        }
        for name in times
    ]


def compare(
    groups: Sequence[dict[str, pathlib.Path]],
    runtimes: Sequence[str],
    threads: Sequence[int],
    rounds: int,
) -> list[Row]:
    """Returns the rows of all files, runtimes and numbers of threads."""
    rows = []
    for group in groups:
        files = {name: file_columns(path) for name, path in group.items()}
        files[RUNNER] = files[OURS]
        for runtime in runtimes:
            for num_threads in threads:
                print(f"{group[OURS].stem}, {runtime}, {num_threads} thread(s)", flush=True)
                found = measure(group, num_threads, runtime, rounds)
                rows += [row | files[row["writer"]] for row in found]
    return rows


def define_flags():
    flags.DEFINE_list("ours", None, "Files of this project, or folders of them.", required=True)
    flags.DEFINE_string(
        "theirs",
        None,
        f"Folder with litert-torch's files, in {THEIRS!r} and other folders.",
        required=True,
    )
    flags.DEFINE_string(
        "torch_python",
        "",
        "Interpreter with litert-torch, which writes the files of --theirs. Default: they exist.",
    )
    flags.DEFINE_integer("input_size", 224, "Height and width of its frames.", lower_bound=32)
    flags.DEFINE_list("runtimes", list(RUNTIMES), "Runtimes to measure.")
    flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads to measure.")
    flags.DEFINE_integer("rounds", 10, "See export.benchmark; clips: a third.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV and PNG files.")


def main():
    values = flags.FLAGS
    ours, theirs = list(map(pathlib.Path, values.ours)), pathlib.Path(values.theirs)
    for runtime in values.runtimes:
        if runtime not in _PACKAGES:
            raise InputError("runtimes", f"must be from {', '.join(_PACKAGES)}", runtime)
    if not all(text.isdigit() and int(text) for text in values.threads):
        raise InputError("threads", "must be positive integers", values.threads)

    versions = [f"{name}_{metadata.version(_PACKAGES[name])}" for name in values.runtimes]
    if values.torch_python:
        version = litert_torch_version(values.torch_python)
        print(f"litert-torch {version} writes {theirs}", flush=True)
        write_originals(values.torch_python, theirs, values.input_size)

    groups = find_groups(ours, theirs)
    rows = compare(groups, values.runtimes, list(map(int, values.threads)), values.rounds)

    path = result_path(
        pathlib.Path(values.output),
        "litert_torch_latency",
        sorted(row["variant"] for row in rows),
        device(),
        versions,
    )
    publish(rows, path)
    bars = [row for row in rows if row["writer"] == RUNNER and row["ratio"]]
    plot_ratios(bars, path.with_suffix(".png"), f"tsm-tf's whole step on {device()}")


if __name__ == "__main__":
    cli.run(main, define_flags)
