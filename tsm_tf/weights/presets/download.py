"""Downloads the files of presets into Keras' folder, checks them, and remembers their hashes.

This is a thin layer around `keras.utils.get_file`, which knows neither mirrors nor prefixes of
hashes, and may leave half a file under its final name.
"""

import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator

import keras

from tsm_tf.errors import InputError, MissingFile, one_line
from tsm_tf.files import download_folder
from tsm_tf.output_folder import read_marker
from tsm_tf.weights.file_kinds import check_content
from tsm_tf.weights.presets.table import File, Preset

RECORD = "source.json"
_PART = ".writing."
_TIMEOUT = 30  # seconds without an answer
_ABANDONED = 3600  # seconds after which an unfinished file belongs to a killed process
_Check = Callable[[pathlib.Path], None]


@dataclasses.dataclass(frozen=True)
class Local:
    """A preset's file on this machine, and its SHA-256."""

    path: pathlib.Path
    sha256: str


def preset_folder(preset: Preset) -> pathlib.Path:
    """Returns the folder for a preset's files: `presets/NAME` in `KERAS_HOME`, or in `~/.keras`."""
    return download_folder("presets") / preset.name


def obtain(preset: Preset, check: _Check, sha256: str | None = None) -> Local:
    """Returns a preset's file, which is downloaded on first use.

    A file whose hash is the one that was remembered needs no network. So does a file that was
    copied into the folder by hand.

    Args:
        preset: a row of the table.
        check: raises an `InputError` if a file does not hold the preset's weights.
        sha256: the only hash to accept. None: any that begins with the published digits, and the
            same as in earlier downloads.

    Raises:
        InputError: no server has the right file, or the folder cannot be written. It lists each
            URL with the reason, and says where to put a file that was downloaded by hand.
    """
    path = _local_path(preset)
    record = _read_record(path.parent)
    if path.is_file():
        digest = _digest(path)
        if record.get("sha256") == digest and sha256 in (None, digest):
            return Local(path, digest)
        if not record:
            _verify(path, preset, check, sha256)
            return _remember(preset, path, digest, url=None)

    _prepare(path.parent)
    reasons = []
    for file in preset.files:
        try:
            with _unfinished(path) as part:
                _fetch(file.url, part)
                digest = _verify(part, preset, check, sha256, file)
                os.replace(part, path)
        except InputError as error:
            reasons.append(f"{file.url}: {error.rule}")
        except Exception as error:  # `get_file` raises `Exception` itself
            reasons.append(one_line(error))
        else:
            return _remember(preset, path, digest, file.url)
    raise _unavailable(preset, path, reasons)


def adopt(preset: Preset, source: pathlib.Path, check: _Check, sha256: str | None = None) -> Local:
    """Copies a file that was downloaded by hand to where `obtain` finds it.

    Args:
        preset: a row of the table.
        source: the file.
        check: see `obtain`.
        sha256: see `obtain`.

    Raises:
        MissingFile: there is no such file.
        InputError: it is not the preset's file.
    """
    if not source.is_file():
        raise MissingFile("input", "must be an existing file", str(source))
    path = _local_path(preset)
    _prepare(path.parent)
    with _unfinished(path) as part:
        shutil.copyfile(source, part)
        try:
            digest = _verify(part, preset, check, sha256)
        except InputError as error:
            raise InputError("input", error.rule, str(source)) from error
        os.replace(part, path)
    return _remember(preset, path, digest, url=None)


def _local_path(preset: Preset) -> pathlib.Path:
    return preset_folder(preset) / preset.files[0].url.rpartition("/")[2]


@contextlib.contextmanager
def _unfinished(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Context manager that yields a path for an unfinished file, and removes what is left of it.

    Several processes may download the same file. The name ends like the final one, because the
    suffix says how a file is read.
    """
    part = path.with_name(unfinished_name(path.name))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def unfinished_name(name: str) -> str:
    """Returns a temporary name that no other process or thread has."""
    return f"{_PART}{uuid.uuid4().hex[:12]}.{name}"


def _prepare(folder: pathlib.Path) -> None:
    """Creates a preset's folder, and removes what killed processes left in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _unfinished(folder / RECORD) as part:
            part.touch()  # Keras would silently write to another folder
    except OSError as error:
        rule = f"must be a folder that can be written ({one_line(error)}): set KERAS_HOME"
        raise InputError("KERAS_HOME", rule, str(folder)) from error

    for path in folder.glob(f"{_PART}*"):
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            if time.time() - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _fetch(url: str, part: pathlib.Path) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)  # `get_file` has none
    try:
        keras.utils.get_file(
            fname=part.name,
            origin=url,
            cache_dir=str(part.parent),
            cache_subdir="",
            force_download=True,
        )
    finally:
        socket.setdefaulttimeout(before)


def _verify(
    path: pathlib.Path,
    preset: Preset,
    check: _Check,
    sha256: str | None,
    file: File | None = None,
) -> str:
    """Returns the SHA-256 of a file after all checks; `file` is None if its URL is unknown."""
    check_content(path, "preset")
    digest, record = _digest(path), _read_record(path.parent)
    published = [known.sha256 for known in ([file] if file else preset.files)]

    if sha256 is not None:
        expected, why = [sha256], "was given"
    elif record:
        expected, why = [str(record.get("sha256"))], f"was downloaded on {record.get('date')}"
    else:
        expected, why = published, "is published"
    if not any(digest.startswith(start) for start in expected):
        rule = (
            f"must be a file whose SHA-256 begins with {' or '.join(expected)}, which {why}, and "
            f"not {digest}; if you know that this one is right, pass --sha256={digest}"
        )
        raise InputError("preset", rule, str(path))
    check(path)
    return digest


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_record(folder: pathlib.Path) -> dict[str, object]:
    """Returns what is remembered about a preset's file; empty before the first download."""
    return read_marker(folder / RECORD, "preset") or {}


def _remember(preset: Preset, path: pathlib.Path, digest: str, url: str | None) -> Local:
    """Writes where a file comes from; prints it, with its licence, the first time."""
    is_first = not (path.parent / RECORD).is_file()
    record = {
        "preset": preset.name,
        "url": url,
        "size": path.stat().st_size,
        "sha256": digest,
        "date": datetime.date.today().isoformat(),
        "source": preset.source.url,
        "licence": preset.source.licence,
    }
    with _unfinished(path.with_name(RECORD)) as part:
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        os.replace(part, path.with_name(RECORD))
    if is_first:
        print(f"{preset.name} is a checkpoint of {preset.source.title}, {preset.source.url}")
        print(f"licence: {preset.source.licence}; the data set has its own terms")
    return Local(path, digest)


def _unavailable(preset: Preset, path: pathlib.Path, reasons: list[str]) -> InputError:
    known = [file.sha256 for file in preset.files if file.sha256]
    expected = f" (SHA-256 begins with {' or '.join(known)})" if known else ""
    rule = (
        f"must be available for download: {'; '.join(reasons)}. Or download the file{expected} by "
        f"hand and pass --input=FILE, or copy it to {path}"
    )
    return InputError("preset", rule, preset.name)
