"""A run's settings and data, which its folder belongs to, and a log of its launches."""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping

from tsm_tf import output_folder, spec_flags
from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.errors import InputError
from tsm_tf.files import open_regular, remove_temporary_files
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.settings import Initialization
from tsm_tf.versions import installed_versions

RUN_FILE = "run.json"
LAUNCHES_FILE = "launches.jsonl"
MODEL_FIELDS = tuple(name for name in spec_flags.FIELDS if name != "num_classes")
"""Fields of the spec that a training can set. The data folder decides the classes."""

_NO_STREAMS = {"streams": None, "clip_epochs": 0}
_ADDED = {
    "shift_place": "blockres",
    "temporal_pool": False,
    "modality": "rgb",
    "consensus": "average",
    "sampling_rate": "native",
    **_NO_STREAMS,
    **dataclasses.asdict(AugmentationSettings()),
}
"""Settings that older run.json files lack, with the values that those runs used."""

_OPENCV = (
    *("opencv-contrib-python-headless", "opencv-contrib-python"),
    *("opencv-python-headless", "opencv-python"),
)
_PACKAGES = ("tsm-tf", "keras", "tensorflow", "numpy", "av", *_OPENCV)


def run_settings(
    recipe: Recipe,
    initialization: Initialization,
    mixed_precision: str | None,
) -> dict[str, object]:
    """Returns the settings that a resumed run must share, under flat names."""
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    model, start = values.pop("model"), values.pop("initial_weights")
    augmentation = dataclasses.asdict(values.pop("augmentation"))
    augmentation["scales"] = recipe.augmentation.scales_of(model.modality)
    if recipe.streams:
        values["streams"] = dataclasses.asdict(recipe.streams)
    return {
        **dataclasses.asdict(initialization),
        "mixed_precision": mixed_precision,
        **{name: getattr(model, name) for name in MODEL_FIELDS},
        **values,
        **augmentation,
        "start": start,
    }


def check_settings(output: pathlib.Path, settings: Mapping[str, object]) -> None:
    """Raises unless a folder is new, empty, or belongs to a run with the same settings.

    Raises:
        InputError: the folder belongs to another run, or has other content.
    """
    output_folder.check_subject(output, RUN_FILE, _comparable(output, settings))


def claim(output: pathlib.Path, settings: Mapping[str, object]) -> None:
    """Claims a folder for a run; a folder that already belongs to the same run is resumed.

    Raises:
        InputError: see `check_settings`.
        OSError: it cannot be written; see `disk_errors`.
    """
    output_folder.claim(output, RUN_FILE, _comparable(output, settings))


def _comparable(output, settings):
    """Returns the settings without those that an older version did not record."""
    recorded = output_folder.read_marker(output / RUN_FILE)
    if recorded is None:
        return settings
    return {
        name: value
        for name, value in settings.items()
        if name in recorded or name not in _ADDED or value != _ADDED[name]
    }


@contextlib.contextmanager
def disk_errors(directory: pathlib.Path) -> Iterator[None]:
    """Context manager that turns an `OSError` into an `InputError` about the output folder."""
    try:
        yield
    except OSError as error:
        remove_temporary_files(directory)
        rule = (
            f"must be writable and have free space ({error}); existing files were kept, and the "
            "same command resumes the run"
        )
        raise InputError("output", rule, str(directory)) from error


def log_launch(output: pathlib.Path) -> None:
    """Appends this process' command, versions and machine to the folder's log of launches."""
    launch = {
        "time": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "versions": {"python": platform.python_version(), **installed_versions(_PACKAGES)},
        "machine": platform.platform(),
    }
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with os.fdopen(open_regular(output / LAUNCHES_FILE, flags), "a", encoding="utf-8") as file:
        file.write(json.dumps(launch, ensure_ascii=False) + "\n")
