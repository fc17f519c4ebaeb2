"""Evaluates a checkpoint: predicts the videos of a split and writes the report."""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tsm_tf import output_folder
from tsm_tf.data.listing import Listing, open_listing
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError
from tsm_tf.evaluation.predict import predict
from tsm_tf.evaluation.protocols import EFFICIENT, Protocol
from tsm_tf.evaluation.report import METRICS_FILE, write_report
from tsm_tf.weights.checkpoint import SPEC_FILE, WEIGHTS_FILE, find_checkpoint, load_checkpoint
from tsm_tf.weights.presets.load import resolve_checkpoint


def evaluate(
    checkpoint: str | os.PathLike,
    data: Listing | str | os.PathLike,
    output: str | os.PathLike,
    split: str = "val",
    protocol: Protocol = EFFICIENT,
    batch_size: int = 16,
    sampling_rate: str | None = None,
) -> dict[str, Any]:
    """Scores a checkpoint on the videos of a list file and writes the report.

    Args:
        checkpoint: checkpoint folder, folder of a training run, or `preset:NAME`.
        data: the videos, a `Listing` or what it is made of; its classes must be the checkpoint's.
        output: see `report.write_report`. A new folder, or one with the results of the same
            checkpoint, data, split and protocol, which are replaced.
        split: which list file.
        protocol: which views of each video are scored.
        batch_size: clips per batch.
        sampling_rate: see `ModelSpec`; None takes the checkpoint's.

    Returns:
        The content of `metrics.json`.

    Raises:
        MissingFile: no checkpoint, list file or video.
        InputError: other classes, or an output folder that holds something else.
        BadVideoError: a video cannot be decoded.
    """
    folder = pathlib.Path(output)
    subject = {
        "checkpoint": str(pathlib.Path(checkpoint)),
        "data": _normalised(data.data if isinstance(data, Listing) else data),
        "split": split,
        **({"sampling_rate": sampling_rate} if sampling_rate else {}),
    }
    check_output(folder, subject, protocol)

    listing = open_listing(data)
    listing.labelled_videos(split)  # reports missing files before Keras builds the model
    checkpoint = resolve_checkpoint(checkpoint)
    model = load_checkpoint(checkpoint)
    digest = checkpoint_digest(checkpoint)

    scores = predict(model, listing, split, protocol, batch_size, digest, sampling_rate)
    return write_report(scores, folder, subject)


def check_output(folder: pathlib.Path, subject: Mapping[str, str], protocol: Protocol) -> None:
    """Raises if writing the report would overwrite anything but the same subject's report.

    Reports from before protocols had names are those of the efficient protocol.
    """
    if not output_folder.check_subject(folder, METRICS_FILE, subject):
        return

    metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    found = metrics.get("protocol", EFFICIENT.name)
    if found != protocol.name:
        rule = f"must be a new folder for another protocol; {folder} has {found!r}"
        raise InputError("output", rule, protocol.name)
    if metrics.get("sampling_rate") != subject.get("sampling_rate"):
        rate = metrics.get("sampling_rate")
        rule = f"must be a new folder for another sampling_rate; {folder} has {rate!r}"
        raise InputError("output", rule, subject.get("sampling_rate"))


def checkpoint_digest(directory: str | os.PathLike) -> str:
    """Returns the SHA-256 of a checkpoint's two files as hexadecimal digits."""
    folder = find_checkpoint(directory)
    digest = hashlib.sha256()

    for name in (SPEC_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())

    return digest.hexdigest()


def _normalised(data):
    """Returns a path without redundant slashes; a URI stays as it is."""
    text = os.fspath(data)
    return text if is_uri(text) else str(pathlib.Path(text))
