"""Compares TSN, offline TSM and online TSM on one data set (section 5.5, Table 7).

    python -m tsm_tf.evaluation.online --checkpoints=TSN,OFFLINE,ONLINE --data=DIR --output=DIR

An online model and a TSN see each video frame by frame, and their logits are averaged over all
frames. An offline model sees a clip. The latency is that of one frame in Keras on this machine,
which an offline model does not have: it needs the whole clip.
"""

import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data import data_flags
from tsm_tf.data.listing import Listing
from tsm_tf.errors import InputError
from tsm_tf.files import write_csv
from tsm_tf.timing import interleaved

if TYPE_CHECKING:
    from tsm_tf.models.clip import ClipModel

CSV_FILE = "online.csv"
COLUMNS = ("checkpoint", "shift", "top1", "latency_ms")

_MARKER = "online.json"
_NO_VALUE = "-"


def average_top1(model: "ClipModel", listing: Listing, split: str) -> float:
    """Returns a model's top-1: of the mean logits of all frames, or of a clip if it is offline.

    Args:
        model: a clip model.
        listing: the data; its videos must be trimmed.
        split: which list file.

    Raises:
        MissingFile: no list file or video.
        InputError: other classes, segments, or too low a frame rate.
        BadVideoError: a video cannot be decoded.
    """
    from tsm_tf.evaluation import whole_videos

    videos = whole_videos.check_whole_videos(model.spec, listing, split)
    if whole_videos.is_streamable(model.spec):
        frames = whole_videos.video_logits(model, videos, listing.source)
        logits = [rows.mean(axis=0) for rows in frames]
    else:
        logits = whole_videos.clip_logits(model, videos, listing.source)
    labels = [video.label for video in videos]
    return float((np.argmax(logits, axis=1) == labels).mean())


def latencies(models: Mapping[str, "ClipModel"], rounds: int) -> dict[str, float]:
    """Returns the median milliseconds per frame of the models that can stream, by name.

    Args:
        models: clip models by name; they are timed in turns.
        rounds: timed frames per model.
    """
    from tsm_tf.evaluation.whole_videos import is_streamable

    calls = {name: _one_frame(m) for name, m in models.items() if is_streamable(m.spec)}
    if not calls:
        return {}
    seconds = interleaved(calls, rounds)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def _one_frame(model) -> Callable[[], object]:
    from tsm_tf.models.frame_step import keras_step

    size, channels = model.spec.input_size, model.spec.channels
    shape = (1, size, size, channels)
    frame = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    step = keras_step(model, 1)
    return lambda: step(frame)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Returns rows as aligned columns under a header."""
    lines = [COLUMNS, *(tuple(row[name] for name in COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def define_flags():
    flags.DEFINE_list(
        "checkpoints",
        None,
        "Checkpoint folders or preset:NAME, with commas.",
        required=True,
    )
    data_flags.define()
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_string("split", "val", "Which list file to use.")
    flags.DEFINE_integer("rounds", 30, "Timed frames per model.", lower_bound=1)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    if not values.checkpoints:
        raise InputError("checkpoints", "must name at least one folder", values.checkpoints)
    listing = data_flags.read(values.split)
    subject = {"checkpoints": values.checkpoints, "data": values.data, "split": values.split}
    output_folder.check_subject(output, _MARKER, subject)

    from tsm_tf.weights.checkpoint import find_checkpoint, load_checkpoint
    from tsm_tf.weights.presets.load import resolve_checkpoint

    folders = {name: resolve_checkpoint(name) for name in values.checkpoints}
    for folder in folders.values():
        find_checkpoint(folder)  # before the first is evaluated

    models = {name: load_checkpoint(folder) for name, folder in folders.items()}
    top1 = {name: average_top1(model, listing, values.split) for name, model in models.items()}
    milliseconds = latencies(models, values.rounds)
    rows = [
        {
            "checkpoint": name,
            "shift": model.spec.shift_mode,
            "top1": f"{top1[name]:.4f}",
            "latency_ms": f"{milliseconds[name]:.2f}" if name in milliseconds else _NO_VALUE,
        }
        for name, model in models.items()
    ]

    output_folder.claim(output, _MARKER, subject)
    write_csv(output / CSV_FILE, rows, COLUMNS)
    print(table(rows))
    print(f"written to {output}: {CSV_FILE}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
