"""Measures training steps: TSM in Keras against TSN, and against the original in PyTorch.

    python -m benchmarks.training_step --torch_python=.venv-torch/bin/python

It also compares two workers with one core each with one process on one core. The processes take
turns, one step each, so that a drifting machine slows all of them equally.
"""

import os
import pathlib
import statistics
import sys
import time
from collections.abc import Mapping, Sequence

from absl import flags

from benchmarks.processes import Trainers
from benchmarks.results import RESULTS, publish, result_path, version_of
from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.timing import interleaved, paired_ratio
from tsm_tf.versions import device

_ORIGINAL = pathlib.Path(__file__).with_name("original_step.py")

Row = dict[str, object]


def compare_steps(
    backbone: str,
    batch_size: int,
    input_size: int,
    rounds: int,
    torch_python: str,
) -> list[Row]:
    """Measures steps on all cores; speeds and memory are relative to the first way.

    Args:
        backbone: the network.
        batch_size: clips per step.
        input_size: height and width of a frame.
        rounds: timed steps.
        torch_python: interpreter with PyTorch; empty measures Keras only.

    Returns:
        One row per way of training.
    """
    cores = [os.sched_getaffinity(0)]
    contenders = {}

    if torch_python:
        original = [torch_python, str(_ORIGINAL), backbone, str(batch_size), str(input_size)]
        contenders["PyTorch TSM"] = Trainers(original, cores)
        contenders["PyTorch TSM, channels last"] = Trainers([*original, "channels_last"], cores)
    for name, mode in (("Keras TSM", "bidirectional"), ("Keras TSN", "none")):
        command = _keras_step(backbone, batch_size, input_size, shift_mode=mode)
        contenders[name] = Trainers(command, cores)

    seconds, memory = measure(contenders, rounds)
    rows = _rows(backbone, batch_size, input_size, seconds, memory)

    for row, name in zip(rows, contenders, strict=True):
        if name.startswith("Keras"):
            ratio = paired_ratio(seconds[name], seconds["Keras TSN"])
            row["time_to_tsn"] = round(ratio, 3)
    return rows


def compare_workers(backbone: str, batch_size: int, input_size: int, rounds: int) -> list[Row]:
    """Measures one process on one core, two independent ones, and two workers of one training.

    `speed_ratio` is relative to the single process, per process. Two independent processes are
    slower because they share the memory. Two workers are slower still because of the all-reduce.

    Returns:
        One row per way of training.
    """
    one, two = sorted(os.sched_getaffinity(0))[:2]
    command = _keras_step(backbone, batch_size, input_size)
    worker = _keras_step(backbone, batch_size, input_size, strategy="multi_worker")
    contenders = {
        "one core": Trainers(command, [{one}]),
        "two processes apart": Trainers(command, [{one}, {two}]),
        "two workers": Trainers(worker, [{one}, {two}], workers=True),
    }
    seconds, memory = measure(contenders, rounds)
    return _rows(backbone, batch_size, input_size, seconds, memory)


def measure(
    contenders: Mapping[str, Trainers], rounds: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Returns the seconds per step, and the peak memory in bytes, by name."""
    seconds = interleaved(contenders, rounds)
    memory = {name: trainers.close() for name, trainers in contenders.items()}
    return seconds, memory


def _rows(backbone, batch_size, input_size, seconds, memory):
    """Returns one row per way of training, with ratios to the first."""
    baseline = next(iter(seconds))
    return [
        {
            "backbone": backbone,
            "training": name,
            "batch_size": batch_size,
            "input_size": input_size,
            "median_ms": round(1000 * statistics.median(seconds[name]), 1),
            "ratios_to": baseline,
            "speed_ratio": round(paired_ratio(seconds[baseline], seconds[name]), 3),
            "time_to_tsn": "",
            "peak_mib": round(memory[name] / 2**20),
            "memory_ratio": round(memory[name] / memory[baseline], 3),
        }
        for name in seconds
    ]


def _keras_step(
    backbone, batch_size, input_size, shift_mode="bidirectional", strategy="none"
) -> Sequence[str]:
    return (
        sys.executable,
        "-m",
        "benchmarks.keras_step",
        f"--backbone={backbone}",
        f"--batch_size={batch_size}",
        f"--input_size={input_size}",
        f"--shift_mode={shift_mode}",
        f"--strategy={strategy}",
    )


def define_flags():
    flags.DEFINE_list("backbones", ["resnet50", "mobilenet_v2"], "Backbones to measure.")
    flags.DEFINE_integer("batch_size", 2, "Clips per step and process.", lower_bound=1)
    flags.DEFINE_integer("input_size", 224, "Height and width of a frame.", lower_bound=32)
    flags.DEFINE_integer("rounds", 10, "Timed steps.", lower_bound=1)
    flags.DEFINE_string(
        "torch_python",
        "",
        "Interpreter with torch and torchvision. Default: without PyTorch.",
    )
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV file.")


def main():
    values = flags.FLAGS
    torch_python = values.torch_python
    if torch_python and not pathlib.Path(torch_python).is_file():
        raise InputError("torch_python", "must be an existing interpreter", torch_python)
    torch_python = torch_python and str(pathlib.Path(torch_python).absolute())

    rows = []
    for backbone in values.backbones:
        started = time.monotonic()
        rows += compare_steps(
            backbone,
            values.batch_size,
            values.input_size,
            values.rounds,
            torch_python,
        )
        if len(os.sched_getaffinity(0)) > 1:
            rows += compare_workers(backbone, values.batch_size, values.input_size, values.rounds)
        print(f"{backbone}: {time.monotonic() - started:.0f} s")

    path = result_path(
        pathlib.Path(values.output),
        "training_step",
        ["float32"],
        device(),
        [version_of("tensorflow")],
    )
    publish(rows, path)


if __name__ == "__main__":
    cli.run(main, define_flags)
