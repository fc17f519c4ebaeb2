"""Runs the steps of the demo, each once, and shows and keeps their output."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

from export.demo.step import Step
from tsm_tf import cli, output_folder
from tsm_tf.files import write_text

DONE_FILE = "steps.json"
_SECONDS_TO_END = 10  # after SIGTERM


def check_output(output: pathlib.Path) -> None:
    """Raises unless a folder is new, empty, or that of a demo.

    Raises:
        InputError: it holds something else.
    """
    if not (output / DONE_FILE).is_file():
        output_folder.check_new(output)


def run_or_exit(steps: list[Step], output: pathlib.Path) -> None:
    """Runs the steps as `run` does, in a folder that is created if necessary.

    Raises:
        SystemExit: a step failed.
        KeyboardInterrupt: after the current step has ended in an orderly way.
    """
    output.mkdir(parents=True, exist_ok=True)
    if not (output / DONE_FILE).is_file():
        write_text(output / DONE_FILE, "[]")
    try:
        run(steps, output)
    except subprocess.CalledProcessError as error:
        code = error.returncode
        sys.exit(f"error: a step exited with {code}; run the same command again to repeat it")
    except KeyboardInterrupt:
        print("\nrun the same command again to continue with this step", flush=True)
        raise


def run(steps: list[Step], output: pathlib.Path) -> None:
    """Runs the steps that are not done yet. A step is done if the very same command has succeeded.

    Raises:
        subprocess.CalledProcessError: a step that is not optional failed, and has printed the
            reason.
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
        try:
            _run_logged([sys.executable, "-m", *step.arguments], output / step.log)
        except subprocess.CalledProcessError:
            if not step.optional:
                raise
            print(f"*** THE DEMO CONTINUES WITHOUT THE STEP: {step.name} ***", flush=True)
            continue

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
