"""Early recognition: how soon in a video a model is right (section 5.5.2, Fig. 7 and 8).

    python -m tsm_tf.evaluation.early --checkpoints=DIR,DIR --data=DIR --output=DIR

Top-1 after the first 10%, 20%, ..., 100% of each video's frames. An online model and a TSN see
every frame of a stream once, and their logits are averaged over the frames so far. An offline
model sees a whole clip of what was shown so far.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data import data_flags
from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError
from tsm_tf.files import replacing, write_csv

if TYPE_CHECKING:
    from tsm_tf.models.clip import ClipModel

CSV_FILE, PLOT_FILE = "early.csv", "early.png"
PERCENT = tuple(range(10, 101, 10))

_MARKER = "early.json"
_CACHE_BYTES = 1 << 30


def frames_shown(num_frames: int, percent: int) -> int:
    """Returns how many of a video's frames are the first `percent` of it, at least one."""
    return max(1, math.ceil(num_frames * percent / 100 - 1e-9))


def early_accuracies(model: "ClipModel", listing: Listing, split: str) -> list[float]:
    """Returns a model's top-1 for each of `PERCENT`.

    Args:
        model: a clip model.
        listing: the data; its videos must be trimmed.
        split: which list file.

    Raises:
        MissingFile: no list file or video.
        InputError: other classes, segments, or too low a frame rate.
        BadVideoError: a video cannot be decoded.
    """
    from tsm_tf.evaluation.whole_videos import check_whole_videos, is_streamable

    videos = check_whole_videos(model.spec, listing, split)
    predict = _predict_streams if is_streamable(model.spec) else _predict_clips
    labels = np.array([video.label for video in videos])
    source = source_of(listing, model.spec.modality)
    return [float((classes == labels).mean()) for classes in predict(model, videos, source)]


def _predict_streams(model, videos, source):
    """Returns the classes `[len(PERCENT), N]` of the mean logits of the frames so far."""
    from tsm_tf.evaluation.whole_videos import video_logits

    logits = video_logits(model, videos, source)
    return np.array(
        [
            [rows[: frames_shown(len(rows), percent)].mean(axis=0).argmax() for rows in logits]
            for percent in PERCENT
        ]
    )


def _predict_clips(model, videos: Sequence[Video], source: Source):
    """Returns the classes `[len(PERCENT), N]` of clips of what was shown so far."""
    from tsm_tf.data.sources.memory import MemoryCache
    from tsm_tf.evaluation.whole_videos import clip_logits

    source = MemoryCache(source, _CACHE_BYTES)
    lengths = [source.num_frames(video.path) for video in videos]
    classes = []
    for percent in PERCENT:
        shown = [
            dataclasses.replace(video, num_frames=frames_shown(length, percent))
            for video, length in zip(videos, lengths, strict=True)
        ]
        classes.append(clip_logits(model, shown, source).argmax(axis=1))
    return np.stack(classes)


def plot(path: pathlib.Path, results: Mapping[str, Sequence[float]]) -> None:
    """Draws one line per model.

    Args:
        path: the PNG.
        results: top-1 for each of `PERCENT`, by the model's name.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from tsm_tf.evaluation.plot_text import plot_names

    figure, axis = pyplot.subplots(figsize=(7, 4.5))
    for name, top1 in zip(plot_names(list(results)), results.values(), strict=True):
        axis.plot(PERCENT, [100 * value for value in top1], marker="o", label=name)
    axis.set_xlabel("frames shown (%)")
    axis.set_ylabel("top-1 (%)")
    axis.set_ylim(0, 102)
    axis.grid(alpha=0.3)
    axis.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, bbox_inches="tight")
    pyplot.close(figure)


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

    results = {}
    for checkpoint, folder in folders.items():
        print(checkpoint, flush=True)
        top1 = early_accuracies(load_checkpoint(folder), listing, values.split)
        print("  " + ", ".join(f"{p}%: {v:.1%}" for p, v in zip(PERCENT, top1, strict=True)))
        results[checkpoint] = top1

    output_folder.claim(output, _MARKER, subject)
    rows = [
        {"checkpoint": name, "percent": percent, "top1": round(value, 4)}
        for name, top1 in results.items()
        for percent, value in zip(PERCENT, top1, strict=True)
    ]
    write_csv(output / CSV_FILE, rows)
    plot(output / PLOT_FILE, results)
    print(f"written to {output}: {CSV_FILE}, {PLOT_FILE}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
