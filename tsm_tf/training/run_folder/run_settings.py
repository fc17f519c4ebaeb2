"""Whose folder it is: a run's settings, its data, and every start with its command and versions."""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import shlex
import sys

from tsm_tf.errors import InputError
from tsm_tf.files import replacing
from tsm_tf.versions import installed_versions

RUN_FILE = "run.json"
STARTS_FILE = "starts.jsonl"
_PACKAGES = ("tsm-tf", "keras", "tensorflow", "numpy", "av", "opencv-python-headless")


def claim(output: pathlib.Path, settings: dict) -> None:
    """Marks a folder as a run's; one of the same run may be gone on with.

    Raises:
        InputError: a folder of another run, or with other content.
        OSError: it cannot be written; see `room_or_error`.
    """
    path = output / RUN_FILE
    settings = json.loads(json.dumps(settings))
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(name for name in settings if found.get(name) != settings[name])
        if differing:
            name = differing[0]
            rule = f"must be a new folder for another {name}: {output} was begun with {found.get(name)!r}"
            raise InputError("output", rule, settings[name])
    elif output.exists() and any(not child.name.startswith(".") for child in output.iterdir()):
        raise InputError(
            "output", "must be a new or empty folder, or a run to go on with", str(output)
        )
    else:
        output.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(
                json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )


@contextlib.contextmanager
def room_or_error(directory: pathlib.Path):
    """A context in which a file that cannot be written ends the training with one line."""
    try:
        yield
    except OSError as error:
        for path in directory.rglob(".writing.*"):
            path.unlink(missing_ok=True)
        rule = f"must be writable and have room ({error}); what was there is kept, and the same command goes on"
        raise InputError("output", rule, str(directory)) from error


def note_start(output: pathlib.Path) -> None:
    """Appends this process' command, versions and machine to the folder's list of starts."""
    start = {
        "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "versions": {"python": platform.python_version(), **installed_versions(_PACKAGES)},
        "machine": platform.platform(),
    }
    with (output / STARTS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(start, ensure_ascii=False) + "\n")
