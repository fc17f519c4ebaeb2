"""Early recognition: how soon in a video a model is right (section 5.5.2, Fig. 7 and 8).

    python -m tsm_tf.evaluation.early --checkpoints=DIR,DIR --data=DIR --output=DIR

Top-1 after the first 10%, 20%, ..., 100% of each video's frames. An online model and a TSN see
every frame of a stream once, and their logits are averaged over the frames so far. An offline
model sees a whole clip of what was shown so far.
"""

import dataclasses
import math
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data.listing import Listing, Video, check_labels
from tsm_tf.errors import InputError
from tsm_tf.files import replacing, write_csv

CSV_FILE, PLOT_FILE = "early.csv", "early.png"
PERCENT = tuple(range(10, 101, 10))

_DEFAULT_FPS = 8.0  # of models whose spec has no rate
_SIDE_BY_SIDE = 16
_MARKER = "early.json"


def averaged_early(logits: np.ndarray, percent: int) -> np.ndarray:
    """Returns the mean logits of the first `percent` of the frames, at least one: `[C]`.

    Args:
        logits: of every frame of a video, `[n, C]`.
        percent: from 1 to 100.
    """
    return logits[: max(1, math.ceil(len(logits) * percent / 100 - 1e-9))].mean(axis=0)


def early_video(video: Video, num_frames: int, percent: int) -> Video:
    """Returns a video that ends after the first `percent` of its frames, at least one."""
    shown = max(1, math.ceil(num_frames * percent / 100 - 1e-9))
    return dataclasses.replace(video, num_frames=shown)


def early_accuracies(model, listing: Listing, split: str) -> list[float]:
    """Returns the top-1 of a clip model for each of `PERCENT`.

    Args:
        model: a `ClipModel`.
        listing: the data; its videos must be trimmed.
        split: which list file.

    Raises:
        InputError: other classes, or untrimmed videos.
        BadVideoError: a video cannot be decoded.
    """
    check_labels(model.spec, listing)
    videos = listing.videos(split)
    if any(video.end is not None for video in videos):
        raise InputError("data", "must list whole videos, not segments", split)
    labels = np.array([video.label for video in videos])
    if model.spec.shift_mode == "bidirectional":
        predicted = _predict_clips(model, videos)
    else:
        predicted = _predict_streams(model, videos)
    return [float((row == labels).mean()) for row in predicted]


def _predict_clips(model, videos: Sequence[Video]) -> np.ndarray:
    """Returns the classes `[len(PERCENT), N]` of clips of what was shown so far."""
    from tsm_tf.data.loader import center_clip
    from tsm_tf.data.sources.memory import MemoryCache
    from tsm_tf.data.sources.video_file import VIDEO_FILES

    source = MemoryCache(VIDEO_FILES, 1 << 30)
    rows = []
    for percent in PERCENT:
        classes = []
        for first in range(0, len(videos), _SIDE_BY_SIDE):
            shown = [
                early_video(video, source.num_frames(video.path), percent)
                for video in videos[first : first + _SIDE_BY_SIDE]
            ]
            clips = np.stack([center_clip(video, model.spec, source) for video in shown])
            classes.append(model.predict_on_batch(clips).argmax(axis=1))
        rows.append(np.concatenate(classes))
        print(f"  {percent}%", flush=True)
    return np.stack(rows)


def _predict_streams(model, videos: Sequence[Video]) -> np.ndarray:
    """Returns the classes `[len(PERCENT), N]` of the mean logits of the frames so far."""
    logits = video_logits(model, videos)
    return np.stack(
        [[averaged_early(rows, percent).argmax() for rows in logits] for percent in PERCENT]
    )


def video_logits(model, videos: Sequence[Video]) -> list[np.ndarray]:
    """Returns the logits of every frame of each video, from an online model or a TSN: `[n, C]`.

    Each video is a stream of its own, at the model's rate.
    """
    from tsm_tf.data.sources.video_file import VIDEO_FILES
    from tsm_tf.data.timeline import timelines
    from tsm_tf.evaluation.stream.joined import Joiner
    from tsm_tf.evaluation.stream.logits import keras_step, stream_logits

    fps = model.spec.fps or _DEFAULT_FPS
    joiner = Joiner(timelines(videos), model.spec, fps, VIDEO_FILES)
    streams = [joiner.single(index) for index in range(len(videos))]
    return stream_logits(joiner, streams, lambda n: keras_step(model, n), _SIDE_BY_SIDE)


def plot(path: pathlib.Path, results: dict[str, list[float]]) -> None:
    """Draws one line per model."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.5))
    for name, top1 in results.items():
        axis.plot(PERCENT, [100 * value for value in top1], marker="o", label=name)
    axis.set_xlabel("frames shown (%)")
    axis.set_ylabel("top-1 (%)")
    axis.set_ylim(0, 100)
    axis.grid(alpha=0.3)
    axis.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, bbox_inches="tight")
    pyplot.close(figure)


def define_flags():
    flags.DEFINE_list("checkpoints", None, "Checkpoint folders, with commas.", required=True)
    flags.DEFINE_string("data", None, "Folder with val.txt and labels.txt.", required=True)
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_string("split", "val", "Which list file to use.")


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    listing = Listing(values.data)
    listing.videos(values.split)
    subject = {"checkpoints": values.checkpoints, "data": values.data, "split": values.split}
    output_folder.check_subject(output, _MARKER, subject)

    from tsm_tf.weights.checkpoint import find_checkpoint, load_checkpoint

    for checkpoint in values.checkpoints:
        find_checkpoint(checkpoint)
    results = {}
    for checkpoint in values.checkpoints:
        print(checkpoint, flush=True)
        results[checkpoint] = early_accuracies(load_checkpoint(checkpoint), listing, values.split)

    output_folder.claim(output, _MARKER, subject)
    rows = [
        {"checkpoint": name, "percent": percent, "top1": round(value, 4)}
        for name, top1 in results.items()
        for percent, value in zip(PERCENT, top1, strict=True)
    ]
    write_csv(output / CSV_FILE, rows)
    plot(output / PLOT_FILE, results)
    for name, top1 in results.items():
        print(
            name, " ".join(f"{percent}%: {v:.1%}" for percent, v in zip(PERCENT, top1, strict=True))
        )
    print(f"written to {output}: {CSV_FILE}, {PLOT_FILE}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
