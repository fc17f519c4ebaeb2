"""What a training step costs: TSM in Keras against TSN, and against the original in PyTorch.

    python -m benchmarks.training_step --torch_python=.venv-torch/bin/python --output=benchmarks

Also two workers with one core each against one. The recipe, the compiled model and `model.fit` are those of a training
on Something-Something; the clips are random. The processes take turns, a step each, so that a drifting machine slows
all alike, and say at the end how much memory they had at most.
"""

import contextlib
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import time

from absl import flags

from tsm_tf import cli
from tsm_tf.analysis.timing import interleaved, paired_ratio, publish
from tsm_tf.errors import InputError

_ORIGINAL = pathlib.Path("benchmarks/original_step.py")
_NUM_CLASSES = 174


class Trainers:
    """Processes that train one step together, whenever they are called.

    Args:
        command: of each; it prints a line when it is ready and after each step, and reads one before each.
        cores: for each process, those that it may use; its length is the number of processes.
        workers: whether they are workers of one training, by `TF_CONFIG`.
    """

    def __init__(self, command: list[str], cores: list[set[int]], workers: bool = False):
        addresses = _free_addresses(len(cores))
        self.processes = []
        for index, own in enumerate(cores):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment |= {"TF_CONFIG": json.dumps(config)} if workers else {}
            pipes = {
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "text": True,
                "bufsize": 1,
            }
            # A new process has the cores of the one that starts it, and makes as many threads.
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, own)
            self.processes.append(subprocess.Popen(command, env=environment, **pipes))
            os.sched_setaffinity(0, before)
        self._answers()

    def __call__(self) -> None:
        """Trains one step in all."""
        for process in self.processes:
            process.stdin.write("step\n")
        self._answers()

    def close(self) -> int:
        """Ends them; returns the largest resident memory of one, in bytes."""
        for process in self.processes:
            process.stdin.close()
        return max(int(line) for line in self._answers())

    def _answers(self):
        lines = [process.stdout.readline() for process in self.processes]
        if not all(lines):
            raise RuntimeError(
                f"a process ended early: {' '.join(map(str, self.processes[0].args))}"
            )
        return lines


def _free_addresses(count):
    servers = [
        socket.create_server(("127.0.0.1", 0)) for _ in range(count)
    ]  # all at once, so that none comes twice
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    return addresses


def serve(backbone: str, shift_mode: str, batch_size: int, input_size: int, strategy: str) -> None:
    """Trains steps by `model.fit`, one for each line on standard input."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tsm_tf.training.devices import pick_devices, prepared
    from tsm_tf.training.model import make_model
    from tsm_tf.training.recipes import get_recipe
    from tsm_tf.training.settings import Execution, Initialization

    class Turns(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            print("ready", flush=True)
            if not sys.stdin.readline():
                print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
                os._exit(0)  # a worker's shutdown waits for the others

    recipe = get_recipe(
        "something_v1",
        backbone=backbone,
        shift_mode=shift_mode,
        input_size=input_size,
    )
    spec = recipe.model.replace(num_classes=_NUM_CLASSES)
    devices = pick_devices(strategy)
    shape = (batch_size, spec.num_segments, input_size, input_size, spec.channels)
    clips = np.random.default_rng(devices.share.index).integers(0, 256, shape, dtype=np.uint8)
    dataset = tf.data.Dataset.from_tensors((clips, np.arange(batch_size))).repeat()
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answers
        model = make_model(spec, recipe, Initialization(), Execution(), devices, steps=1000)
    with prepared(model, devices, dataset.element_spec):
        model.fit(
            devices.distribute(dataset), steps_per_epoch=100_000, callbacks=[Turns()], verbose=0
        )


def measure(contenders: dict[str, Trainers], rounds: int) -> tuple[dict, dict]:
    """Returns the seconds of each one's steps and its peak memory in bytes, by name."""
    seconds = interleaved(contenders, rounds)
    return seconds, {name: trainers.close() for name, trainers in contenders.items()}


def compare_steps(
    backbone: str, batch_size: int, input_size: int, rounds: int, torch_python: str
) -> list[dict]:
    """Returns a row for each way of training a step on all cores; speeds and memory relative to PyTorch's."""
    cores = [os.sched_getaffinity(0)]
    original = [torch_python, str(_ORIGINAL), backbone, str(batch_size), str(input_size)]
    commands = {
        "PyTorch TSM": original,
        "PyTorch TSM, channels last": [*original, "channels_last"],
        "Keras TSM": _keras(backbone, batch_size, input_size),
        "Keras TSN": _keras(backbone, batch_size, input_size, shift_mode="none"),
    }
    if not torch_python:
        commands = {name: command for name, command in commands.items() if name.startswith("Keras")}
    seconds, memory = measure(
        {name: Trainers(command, cores) for name, command in commands.items()}, rounds
    )
    rows = _rows(backbone, batch_size, input_size, seconds, memory)
    for row in rows:
        if row["training"] in ("Keras TSM", "Keras TSN"):
            row["time_to_tsn"] = round(
                paired_ratio(seconds[row["training"]], seconds["Keras TSN"]), 3
            )
    return rows


def compare_workers(backbone: str, batch_size: int, input_size: int, rounds: int) -> list[dict]:
    """Returns a row for one process with one core, for two that do not know of each other, and for two workers.

    `speed_ratio` is to as many times the one process; what the two apart lack is the memory's share, the rest the
    network's.
    """
    one, two = sorted(os.sched_getaffinity(0))[:2]
    command = _keras(backbone, batch_size, input_size)
    workers = _keras(backbone, batch_size, input_size, strategy="multi_worker")
    contenders = {
        "one core": Trainers(command, [{one}]),
        "two processes apart": Trainers(command, [{one}, {two}]),
        "two workers": Trainers(workers, [{one}, {two}], workers=True),
    }
    return _rows(backbone, batch_size, input_size, *measure(contenders, rounds))


def _rows(backbone, batch_size, input_size, seconds, memory):
    """A row for each way of training, with ratios to the first."""
    baseline = next(iter(seconds))
    return [
        {
            **{
                "backbone": backbone,
                "training": name,
                "batch_size": batch_size,
                "input_size": input_size,
            },
            "median_ms": round(1000 * statistics.median(seconds[name]), 1),
            "ratios_to": baseline,
            "speed_ratio": round(paired_ratio(seconds[baseline], seconds[name]), 3),
            "time_to_tsn": "",
            "peak_mib": round(memory[name] / 2**20),
            "memory_ratio": round(memory[name] / memory[baseline], 3),
        }
        for name in seconds
    ]


def _keras(backbone, batch_size, input_size, **options):
    options = {"serve": backbone, "batch_size": batch_size, "input_size": input_size, **options}
    return [
        sys.executable,
        "-m",
        "benchmarks.training_step",
        *(f"--{k}={v}" for k, v in options.items()),
    ]


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_list("backbones", ["resnet50", "mobilenet_v2"], "Backbones to measure.")
    flags.DEFINE_integer("batch_size", 2, "Clips a step, of each process.", lower_bound=1)
    flags.DEFINE_integer("input_size", 224, "Height and width of a frame.", lower_bound=32)
    flags.DEFINE_integer("rounds", 10, "Timed steps of each.", lower_bound=1)
    flags.DEFINE_string(
        "torch_python", "", "Interpreter with torch and torchvision; empty: without PyTorch."
    )
    flags.DEFINE_string("output", "benchmarks", "Folder for training_step.csv.")
    flags.DEFINE_string(
        "serve", None, "Internal: trains this backbone, a step for each line on standard input."
    )
    flags.DEFINE_string("shift_mode", "bidirectional", "Internal, with serve.")
    flags.DEFINE_string("strategy", "none", "Internal, with serve.")


def main():
    """Measures, prints, writes the CSV."""
    values = flags.FLAGS
    sizes = (values.batch_size, values.input_size)
    if values.serve:
        serve(values.serve, values.shift_mode, *sizes, values.strategy)
        return
    if values.torch_python and not pathlib.Path(values.torch_python).is_file():
        raise InputError(
            "torch_python", "must be an interpreter that is there", values.torch_python
        )
    rows = []
    for backbone in values.backbones:
        started = time.monotonic()
        rows += compare_steps(backbone, *sizes, values.rounds, values.torch_python)
        if len(os.sched_getaffinity(0)) > 1:
            rows += compare_workers(backbone, *sizes, values.rounds)
        print(f"{backbone}: {time.monotonic() - started:.0f} s")
    publish(rows, pathlib.Path(values.output) / "training_step.csv")


if __name__ == "__main__":
    cli.run(main, define_flags)
