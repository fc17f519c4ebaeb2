"""Evaluates a checkpoint: predicts the videos of a split and writes the report."""

import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

from tsm_tf import output_folder
from tsm_tf.data.listing import Listing, open_listing
from tsm_tf.data.video import is_uri
from tsm_tf.devices import pick_devices, precision
from tsm_tf.errors import InputError
from tsm_tf.evaluation.predict import predict
from tsm_tf.evaluation.protocols import EFFICIENT, Protocol
from tsm_tf.evaluation.report import METRICS_FILE, write_report
from tsm_tf.evaluation.unfinished import Unfinished
from tsm_tf.evaluation.worst import WORST_FILE, write_worst
from tsm_tf.weights.checkpoint import (
    SPEC_FILE,
    WEIGHTS_FILE,
    find_checkpoint,
    load_checkpoint,
    load_spec,
)
from tsm_tf.weights.presets.load import resolve_checkpoint

_OPTIONAL = ("val_share", "sampling_rate", "mixed_precision")


def evaluate(
    checkpoint: str | os.PathLike,
    data: Listing | str | os.PathLike,
    output: str | os.PathLike,
    split: str = "val",
    protocol: Protocol = EFFICIENT,
    batch_size: int = 16,
    sampling_rate: str | None = None,
    strategy: str = "auto",
    mixed_precision: str | None = None,
    worst: int = 0,
) -> dict[str, Any]:
    """Scores a checkpoint on the videos of a list file and writes the report.

    If it is interrupted, the same call resumes it.

    Args:
        checkpoint: checkpoint folder, folder of a training run, or `preset:NAME`.
        data: the videos, a `Listing` or what it is made of; its classes must be the checkpoint's.
        output: see `report.write_report`. A new folder, or one with the results of the same
            checkpoint, data, split and protocol, which are replaced.
        split: which list file.
        protocol: which views of each video are scored.
        batch_size: clips per batch.
        sampling_rate: see `ModelSpec`; None takes the checkpoint's.
        strategy: see `pick_devices`. With several processes, the first one writes the report.
        mixed_precision: compute type of the layers, one of `PRECISIONS`; None: float32.
        worst: how many mistakes `worst.png` shows, see `worst.write_worst`; 0 writes none.

    Returns:
        The content of `metrics.json`.

    Raises:
        MissingFile: no checkpoint, list file or video.
        InputError: other classes, a protocol that does not fit the model, an output folder that
            holds something else, or devices that are not there.
        BadVideoError: a video cannot be decoded.
    """
    folder = pathlib.Path(output)
    listing = data if isinstance(data, Listing) else None
    subject = {
        "checkpoint": str(pathlib.Path(checkpoint)),
        "data": _normalised(listing.data if listing else data),
        "split": split,
        **_given(
            val_share=listing.val_share if listing else None,
            sampling_rate=sampling_rate,
            mixed_precision=mixed_precision,
        ),
    }
    check_output(folder, subject, protocol)
    devices = pick_devices(strategy)

    listing = open_listing(data)
    settings = {**subject, "protocol": protocol.name, "keep_damaged": listing.keep_damaged}
    unfinished = Unfinished(folder, settings, devices.share.index)
    unfinished.check()
    listing.labelled_videos(split)  # reports missing files before Keras builds the model
    checkpoint = resolve_checkpoint(checkpoint)
    protocol.views.sized(load_spec(checkpoint))
    with devices.scope(), precision(mixed_precision):
        model = load_checkpoint(checkpoint)

    scores = predict(
        model,
        listing,
        split,
        protocol,
        batch_size,
        checkpoint_digest(checkpoint),
        sampling_rate,
        devices=devices,
        unfinished=unfinished,
    )
    if not devices.is_chief:
        with tempfile.TemporaryDirectory() as temporary:
            return write_report(scores, pathlib.Path(temporary), subject)
    metrics = write_report(scores, folder, subject)
    if worst:
        title = f"{subject['checkpoint']}, {split}"
        write_worst(scores, listing, split, worst, folder / WORST_FILE, title)
    unfinished.remove()
    return metrics


def check_output(folder: pathlib.Path, subject: Mapping[str, object], protocol: Protocol) -> None:
    """Raises if writing the report would overwrite anything but the same subject's report.

    Reports from before protocols had names are those of the efficient protocol. Older reports do
    not have all the values that decide the scores, such as `val_share`.
    """
    required = {name: subject[name] for name in ("checkpoint", "data", "split")}
    if not output_folder.check_subject(folder, METRICS_FILE, required):
        return

    metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    wanted = {"protocol": protocol.name, **{name: subject.get(name) for name in _OPTIONAL}}
    defaults = {"protocol": EFFICIENT.name, "val_share": wanted["val_share"]}
    for name, value in wanted.items():
        found = metrics.get(name, defaults.get(name))
        if found != value:
            rule = f"must be a new folder for another {name}; {folder} has {found!r}"
            raise InputError("output", rule, value)


def checkpoint_digest(directory: str | os.PathLike) -> str:
    """Returns the SHA-256 of a checkpoint's two files as hexadecimal digits."""
    folder = find_checkpoint(directory)
    digest = hashlib.sha256()

    for name in (SPEC_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())

    return digest.hexdigest()


def _given(**values):
    """Returns the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _normalised(data):
    """Returns a path without redundant slashes; a URI stays as it is."""
    text = os.fspath(data)
    return text if is_uri(text) else str(pathlib.Path(text))
