"""The steps of the demo: each is a command, and runs once."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from tsm_tf import cli
from tsm_tf.files import write_text

DONE_FILE = "steps.json"
MODES = {"tsm": "unidirectional", "tsn": "none"}
MODEL_FILE = "mobilenet_v2_online_float32.tflite"
MAPPED_VIDEO = "videos/val/00000.mp4"
"""The rendered video whose class activation maps are on the page: a swipe to the left."""

_SECONDS_TO_END = 10  # after SIGTERM


@dataclasses.dataclass(frozen=True)
class Size:
    """How much the demo computes.

    Args:
        num_train: number of training videos to render.
        num_val: number of validation videos to render.
        training: flags of the training of each network, a key of `MODES`.
        background_minutes: pauses in each half of the streams that are evaluated.
    """

    num_train: int
    num_val: int
    training: Mapping[str, tuple[str, ...]]
    background_minutes: float


# The TSN gets fewer epochs, which saves minutes. The page says so.
FULL = Size(1440, 360, {"tsm": (), "tsn": ("--clip_epochs=4", "--epochs=6")}, 10)
QUICK = Size(18, 18, dict.fromkeys(MODES, ("--clip_epochs=1", "--epochs=1")), 0.5)


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the demo.

    Args:
        name: a name for people.
        arguments: the arguments of `python -m`.
        fresh: a folder that is emptied before the step is repeated, or None.
    """

    name: str
    arguments: tuple[str, ...]
    fresh: pathlib.Path | None = None

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(("python", "-m", *self.arguments))

    @property
    def log(self) -> str:
        """The file with the step's output, relative to the demo's folder."""
        return f"logs/{self.name.replace(' ', '_')}.txt"


def plan(
    output: pathlib.Path,
    data: pathlib.Path | None,
    size: Size,
    layout: Sequence[str] = (),
) -> list[Step]:
    """Returns the steps before the page.

    Args:
        output: the demo's folder.
        data: folder of videos; None renders gestures first.
        size: how much to compute.
        layout: flags that say how to read the folder, such as `--val_share=0.2`.
    """
    steps = []
    is_rendered = data is None
    if data is None:
        data = output / "data"
        steps.append(_render_step(data, size))
    videos = (f"--data={data}", *layout)

    steps += [_train_step(name, output, videos, size.training[name]) for name in MODES]
    steps += [_evaluate_step(name, output, videos) for name in MODES]
    # These fit the event rules, which the exported files then have.
    steps += [_evaluate_streams_step(name, output, videos, size) for name in MODES]
    steps += [_export_step(name, output) for name in MODES]

    models = [model_path(output, name) for name in MODES]
    steps += [*_live_steps(output, videos, models[0]), _benchmark_step(output, models)]
    return [*steps, _maps_step(output, data)] if is_rendered else steps


def model_path(output: pathlib.Path, name: str) -> pathlib.Path:
    """Returns the exported file of a model, a key of `MODES`."""
    return output / "export" / name / MODEL_FILE


def _render_step(data, size):
    arguments = (
        "tsm_tf.data.synthetic",
        f"--output={data}",
        f"--num_train={size.num_train}",
        f"--num_val={size.num_val}",
    )
    return Step("render gesture videos", arguments)


def _train_step(name, output, videos, training):
    arguments = (
        "tsm_tf.training",
        "--recipe=gestures_online",
        *videos,
        f"--output={output / name}",
        f"--shift_mode={MODES[name]}",
        *training,
    )
    return Step(f"train {name.upper()}", arguments)


def _evaluate_step(name, output, videos):
    arguments = (
        "tsm_tf.evaluation",
        f"--checkpoint={output / name}",
        *videos,
        f"--output={output / 'evaluation' / name}",
    )
    return Step(f"evaluate {name.upper()}", arguments)


def _evaluate_streams_step(name, output, videos, size):
    arguments = (
        "tsm_tf.evaluation.stream",
        f"--checkpoint={output / name}",
        *videos,
        f"--output={output / 'streams' / name}",
        f"--background_minutes={size.background_minutes:g}",
    )
    return Step(f"evaluate {name.upper()} in streams", arguments)


def _export_step(name, output):
    folder = model_path(output, name).parent
    arguments = (
        "export.tflite",
        "--online",
        f"--checkpoint={output / name}",
        f"--output={folder}",
    )
    return Step(f"export {name.upper()}", arguments, fresh=folder)


def _live_steps(output, videos, model):
    unseen, stream = output / "unseen.mp4", output / "stream"
    events = stream / "events.jsonl"
    join = ("export.demo.unseen", *videos, f"--output={unseen}")
    live = (
        "export.live",
        f"--model={model}",
        f"--video={unseen}",
        f"--output={stream}",
        f"--events={events}",
    )
    gif = (
        "export.demo.gif",
        f"--video={stream / 'stream.mp4'}",
        f"--events={events}",
        f"--truth={unseen.with_suffix('.csv')}",
        f"--output={output / 'demo.gif'}",
    )
    return (
        Step("join unseen videos", join),
        Step("stream an unseen video", live, fresh=stream),
        Step("draw the truth", gif),
    )


def _benchmark_step(output, models):
    arguments = (
        "export.benchmark",
        f"--models={','.join(map(str, models))}",
        f"--output={output / 'benchmark'}",
    )
    return Step("measure latency", arguments)


def _maps_step(output, data):
    arguments = (
        "tsm_tf.analysis.cam",
        f"--checkpoints={output / 'tsn'},{output / 'tsm'}",
        f"--video={data / MAPPED_VIDEO}",
        f"--output={output / 'cam'}",
    )
    return Step("show what the models look at", arguments)


def run(steps: list[Step], output: pathlib.Path) -> None:
    """Runs the steps that are not done yet. A step is done if the very same command has succeeded.

    Raises:
        subprocess.CalledProcessError: a step failed, and has printed the reason.
        KeyboardInterrupt: after the current step has ended in an orderly way.
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
            for path in step.fresh.iterdir():  # left behind by an interrupted attempt
                path.unlink()
        _run_logged([sys.executable, "-m", *step.arguments], output / step.log)

        done.append(step.command)
        write_text(done_path, json.dumps(done, indent=1))


def _run_logged(command, log_path):
    """Runs a command and copies its output to the terminal and to a file as it arrives.

    The command runs in its own session. Ctrl-C therefore reaches it once, through this process,
    which waits for its end. SIGTERM is passed on to it too. If it does not end soon, all processes
    of its session are killed.
    """
    log_path.parent.mkdir(exist_ok=True)
    interrupt = None
    with (
        log_path.open("ab") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        killer = threading.Timer(_SECONDS_TO_END, _kill_session, (process,))
        killer.daemon = True
        assert process.stdout is not None
        while True:
            try:
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                if not chunk:
                    break
                log.write(chunk)
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
            except cli.Terminated as error:
                if interrupt is None:
                    killer.start()
                interrupt = error
                process.terminate()
            except KeyboardInterrupt as error:
                process.send_signal(signal.SIGINT)
                interrupt = error
        process.wait()
        killer.cancel()

    if interrupt is not None:
        raise interrupt
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _kill_session(process):
    """Kills a command and the processes that it has started."""
    if os.name == "nt":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
