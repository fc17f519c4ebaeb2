"""Evaluates a checkpoint and writes what people look at."""

import json
import os
import pathlib

import numpy as np

from tsm_tf.data.listing import Listing, Video
from tsm_tf.data.observer import Observer
from tsm_tf.data.sources.video_file import BadVideoError
from tsm_tf.errors import InputError
from tsm_tf.evaluation.metrics import confusion_matrix, per_class, softmax, top_k
from tsm_tf.files import replacing, write_csv
from tsm_tf.weights.checkpoint import load_checkpoint

METRICS_FILE = "metrics.json"


def evaluate(
    checkpoint: str,
    data_dir: str,
    output: str | os.PathLike,
    split: str = "val",
    batch_size: int = 16,
) -> dict:
    """Scores one centre clip of each video of a list file (section 5.1.1, the efficient protocol).

    Args:
        checkpoint: checkpoint folder, or a training run's.
        data_dir: folder with `<split>.txt` and `labels.txt`; its classes must be the checkpoint's.
        output: gets `metrics.json`, `confusion.png`, `per_class.csv` and `scores.csv` (logits of each video); a new
            folder, or one with the results of the same checkpoint, data and split, which are replaced.
        split: which list file.
        batch_size: clips at a time.

    Returns:
        top-1, top-5, and per class recall, precision and number of videos, as written to `metrics.json`.

    Raises:
        FileNotFoundError, InputError, BadVideoError: nothing to evaluate, other classes, a folder that holds
            something else, a broken video.
    """
    import tensorflow as tf

    from tsm_tf.data.pipeline import clip_dataset

    output = pathlib.Path(output)
    subject = {
        "checkpoint": str(pathlib.Path(checkpoint)),
        "data": str(pathlib.Path(data_dir)),
        "split": split,
    }
    _check_output(output, subject)
    listing = Listing(data_dir)
    videos, names = listing.videos(split), listing.labels
    model = load_checkpoint(checkpoint)
    if len(names) != model.spec.num_classes:
        raise InputError(
            "data", f"must have the checkpoint's {model.spec.num_classes} classes", names
        )
    bad_videos: list[BadVideoError] = []
    observer = Observer()
    observer.bad_video = bad_videos.append
    dataset = clip_dataset(listing, model.spec, split, batch_size, observer=observer)
    try:
        logits = model.predict(dataset, verbose=1)
    except tf.errors.OpError:
        if bad_videos:
            raise bad_videos[0] from None
        raise
    labels = np.array([video.label for video in videos])
    confusion = confusion_matrix(logits.argmax(1), labels, len(names))
    metrics = {
        **subject,
        "top1": top_k(logits, labels, 1),
        "top5": top_k(logits, labels, 5),
        "videos": len(videos),
        "per_class": [
            {"class": name, **row} for name, row in zip(names, per_class(confusion), strict=True)
        ],
    }
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metrics, indent=2, ensure_ascii=False) + "\n"
    with replacing(output / METRICS_FILE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    plot_confusion(confusion, names, f"top-1 {metrics['top1']:.1%}", output / "confusion.png")
    write_csv(output / "per_class.csv", metrics["per_class"])
    write_csv(output / "scores.csv", _score_rows(videos, logits, names))
    return metrics


def _check_output(output, subject):
    """Refuses a folder whose content would be lost; `metrics.json`, written first, says what the rest belongs to."""
    path = output / METRICS_FILE
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = [name for name in subject if found.get(name) != subject[name]]
        if differing:
            rule = f"must be a new folder: it has the results of {differing[0]} {found.get(differing[0])!r}"
            raise InputError("output", rule, str(output))
    elif output.is_dir() and any(not child.name.startswith(".") for child in output.iterdir()):
        raise InputError(
            "output", f"must be a new or empty folder, or one with {METRICS_FILE}", str(output)
        )


def _score_rows(videos: list[Video], logits, names):
    for video, row, probability in zip(videos, logits, softmax(logits), strict=True):
        best = int(row.argmax())
        summary = {"path": video.path, "label": names[video.label], "predicted": names[best]}
        yield {**summary, "probability": round(float(probability[best]), 4)} | {
            f"logit {name}": round(float(value), 5) for name, value in zip(names, row, strict=True)
        }


def plot_confusion(
    confusion: np.ndarray, names: tuple[str, ...], title: str, path: pathlib.Path
) -> None:
    """Draws each true class' shares of predictions as a PNG, with the percentages in the cells of small matrices."""
    from matplotlib.figure import Figure

    shares = confusion / np.maximum(1, confusion.sum(1, keepdims=True))
    side = 3 + 0.42 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    if len(names) <= 30:
        for i, j in zip(*np.nonzero(confusion), strict=True):
            color = "white" if shares[i, j] > 0.5 else "black"
            axes.text(
                j, i, f"{100 * shares[i, j]:.0f}", ha="center", va="center", color=color, fontsize=8
            )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
