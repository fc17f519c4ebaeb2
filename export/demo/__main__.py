"""The whole way in one command: videos, training, evaluation, export, a stream, a page.

    python -m export.demo --output=runs/demo [--data=DIR]

Each step is a command of its own, printed before it runs and shown on the page; what it prints is also in `logs/`. Run
again after a stop, it goes on with the step it was in.
"""

import dataclasses
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.files import replacing

DONE_FILE = "steps.json"
MODES = {"tsm": "unidirectional", "tsn": "none"}


@dataclasses.dataclass(frozen=True)
class Step:
    """A name for people, the arguments of `python -m`, and the folder that is emptied before a new try, if any."""

    name: str
    arguments: tuple[str, ...]
    fresh: pathlib.Path | None = None

    @property
    def command(self) -> str:
        """The command as a person types it."""
        return shlex.join(("python", "-m", *self.arguments))

    @property
    def log(self) -> str:
        """Where its output goes, relative to the demo's folder."""
        return f"logs/{self.name.replace(' ', '_')}.txt"


def plan(
    output: pathlib.Path,
    data: pathlib.Path | None,
    epochs: int | None,
    num_train: int,
    num_val: int,
) -> list[Step]:
    """Returns the steps up to the page."""
    steps = []
    if data is None:
        data = output / "data"
        counts = (f"--num_train={num_train}", f"--num_val={num_val}")
        steps.append(
            Step("render gesture videos", ("tsm_tf.data.synthetic", f"--output={data}", *counts))
        )
    for name, mode in MODES.items():
        arguments = (
            "tsm_tf.training",
            "--recipe=gestures",
            f"--data={data}",
            f"--output={output / name}",
        )
        chosen = (f"--shift_mode={mode}", *((f"--epochs={epochs}",) if epochs else ()))
        steps.append(Step(f"train {name.upper()}", arguments + chosen))
    for name in MODES:
        target = output / "evaluation" / name
        arguments = (f"--checkpoint={output / name}", f"--data={data}", f"--output={target}")
        steps.append(Step(f"evaluate {name.upper()}", ("tsm_tf.evaluation", *arguments)))
    models = {name: output / "export" / name for name in MODES}
    for name, folder in models.items():
        arguments = (
            "export.tflite",
            "--online",
            f"--checkpoint={output / name}",
            f"--output={folder}",
        )
        steps.append(Step(f"export {name.upper()}", arguments, folder))
    files = [str(folder / "mobilenet_v2_online_float32.tflite") for folder in models.values()]
    unseen, stream = output / "unseen.mp4", output / "stream"
    arguments = ("export.demo.unseen", f"--data={data}", f"--output={unseen}")
    steps.append(Step("join unseen videos", arguments))
    arguments = ("export.live", f"--model={files[0]}", f"--video={unseen}", f"--output={stream}")
    arguments += (
        "--averaged_steps=4",
    )  # half a clip at the model's rate; the original streams 15 frames a second
    steps.append(Step("stream an unseen video", arguments, stream))
    arguments = (
        "export.benchmark",
        f"--models={','.join(files)}",
        f"--output={output / 'benchmark'}",
    )
    steps.append(Step("measure latency", arguments))
    return steps


def run(steps: list[Step], output: pathlib.Path) -> None:
    """Runs the steps that are not done yet; a step counts as done with the very command that ran.

    Raises:
        subprocess.CalledProcessError: a step failed, and has said why.
        KeyboardInterrupt: after the step in progress has ended in good order.
    """
    done_path = output / DONE_FILE
    done = json.loads(done_path.read_text()) if done_path.is_file() else []
    for number, step in enumerate(steps, 1):
        head = f"[{number}/{len(steps)}] {step.name}"
        if step.command in done:
            print(f"{head}: done before", flush=True)
            continue
        print(f"\n{head}\n  {step.command}", flush=True)
        if step.fresh and step.fresh.is_dir():
            for path in step.fresh.iterdir():  # what a try that was stopped left behind
                path.unlink()
        _run_logged([sys.executable, "-m", *step.arguments], output / step.log)
        done.append(step.command)
        with replacing(done_path) as temporary:
            temporary.write_text(json.dumps(done, indent=1))


def _run_logged(command, log_path):
    """Runs a command, whose output goes to the terminal as it comes, progress bars included, and to a file.

    It has a session of its own, so that Ctrl-C reaches it through us, once, and finds us waiting for its end.
    """
    log_path.parent.mkdir(exist_ok=True)
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    options |= {"start_new_session": True, "env": {**os.environ, "PYTHONUNBUFFERED": "1"}}
    stopped = False
    with log_path.open("ab") as log, subprocess.Popen(command, **options) as process:
        while True:
            try:
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                if not chunk:
                    break
                log.write(chunk)
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                stopped = True
    if stopped:
        raise KeyboardInterrupt
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string(
        "output", "runs/demo", "Folder for everything; one that was stopped goes on."
    )
    flags.DEFINE_string(
        "data",
        None,
        "Your own videos (train.txt, val.txt, labels.txt); default: rendered gestures.",
    )
    flags.DEFINE_integer("epochs", None, "Default: the recipe's.", lower_bound=1)
    flags.DEFINE_integer("num_train", 1440, "Rendered training videos.", lower_bound=9)
    flags.DEFINE_integer("num_val", 360, "Rendered validation videos.", lower_bound=9)


def main():
    """Runs the steps, then writes the page."""
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    if output.is_dir() and any(output.iterdir()) and not (output / DONE_FILE).is_file():
        raise InputError(
            "output", "must be a new or empty folder, or a demo to go on with", str(output)
        )
    data = pathlib.Path(values.data) if values.data else None
    if data:
        from tsm_tf.data.listing import Listing

        listing = Listing(data)
        listing.videos("train"), listing.videos("val")
    output.mkdir(parents=True, exist_ok=True)
    if not (output / DONE_FILE).is_file():
        (output / DONE_FILE).write_text("[]")
    steps = plan(output, data, values.epochs, values.num_train, values.num_val)
    try:
        run(steps, output)
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: a step ended with {error.returncode}; the same command goes on with it")
    except KeyboardInterrupt:
        print("\nthe same command goes on with this step", flush=True)
        raise
    from export.demo.page import write_page

    top1 = write_page(output, steps)
    print(f"\ntop-1: TSM {top1['tsm']:.1%}, TSN {top1['tsn']:.1%}\nopen {output / 'index.html'}")


if __name__ == "__main__":
    cli.run(main, define_flags)
