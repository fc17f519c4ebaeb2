"""The table of presets: public checkpoints by name. Each row of `presets.csv` is one of them.

This module imports the standard library only, so that commands can list and check names at once.
"""

import csv
import dataclasses
import difflib
import functools
import importlib.resources
import re
from collections.abc import Mapping

from tsm_tf.data.datasets.catalogue import DATA_SETS, MMACTION2, TSM
from tsm_tf.errors import InputError
from tsm_tf.relations import AVERAGE
from tsm_tf.spec import CHANNELS, ModelSpec

SAMPLINGS = ("uniform", "dense")
PREFIX = "preset:"
"""`preset:NAME` stands for a preset wherever a checkpoint folder is expected."""

_ACCURACY = re.compile(r"([\d.]+)(?: / ([\d.]+))? \((.+)\)")
_HEADER = (
    *("preset", "classes", "network", "clip", "source"),
    "reported by its source: top-1 / top-5 in percent",
)


@dataclasses.dataclass(frozen=True)
class Source:
    """Who published checkpoints.

    Args:
        title: name of the project.
        url: its repository.
        licence: licence of its code, and what it says about the weights.
        class_order: the order of its classes, see `tsm_tf.data.datasets.catalogue`.
        flow_std: standard deviation of flow that is scaled to 0..1.
        flow_mean: mean of flow that is scaled to 0..1.
    """

    title: str
    url: str
    licence: str
    class_order: str
    flow_mean: float = 0.5
    flow_std: float = 0.226


_APACHE = "Apache-2.0 for the code; there is no separate statement about the weights"
SOURCES = {
    "tsm": Source(
        title="the original TSM",
        url="https://github.com/mit-han-lab/temporal-shift-module",
        licence="MIT for the code; there is no separate statement about the weights",
        class_order=TSM,
    ),
    "mm": Source(
        title="MMAction2 1.x",
        url="https://github.com/open-mmlab/mmaction2",
        licence=_APACHE,
        class_order=MMACTION2,
        flow_mean=128 / 255,
        flow_std=128 / 255,
    ),
    "mm0": Source(
        title="MMAction2 0.x",
        url="https://github.com/open-mmlab/mmaction2/tree/0.x",
        licence=_APACHE,
        class_order=MMACTION2,
        flow_mean=128 / 255,
        flow_std=128 / 255,
    ),
    "ptv": Source(
        title="PyTorchVideo",
        url="https://github.com/facebookresearch/pytorchvideo",
        licence=_APACHE,
        class_order=TSM,  # that of MMAction2 differs in other data sets only
    ),
    "trn": Source(
        title="TRN-pytorch",
        url="https://github.com/zhoubolei/TRN-pytorch",
        licence="BSD 2-clause for the code; there is no separate statement about the weights",
        class_order=TSM,  # sorted, by its process_dataset.py
    ),
}
"""By the word in the table."""

_NORMALISATIONS = {
    # word in the table: mean and standard deviation of RGB that is scaled to 0..1
    "": ((), ()),  # those of the backbone
    "pytorchvideo": ((0.45,) * 3, (0.225,) * 3),
    "vmz": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
}


@dataclasses.dataclass(frozen=True)
class File:
    """A file on a server: its URL, and the first digits of its SHA-256 if they are published."""

    url: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """An accuracy in percent that the source reports; it was not measured in this project."""

    top1: float
    top5: float | None
    protocol: str


@dataclasses.dataclass(frozen=True)
class Preset:
    """A row of the table.

    Args:
        name: method, backbone, variant, frames and data set, with the source unless it is TSM's.
        source: who published it.
        data_set: a key of `tsm_tf.data.datasets.catalogue.DATA_SETS`.
        sampling: how the source chooses the frames of a clip, one of `SAMPLINGS`.
        accuracies: as reported by the source.
        files: the file, and copies of it or of its weights on other servers.
        backbone: see `ModelSpec`, also for the following.
        consensus: how the logits of a clip come from those of its frames.
        shift_mode: direction of the shift.
        num_segments: frames per clip.
        input_size: height and width of frames.
        modality: input.
        normalisation: mean and standard deviation of RGB; empty for those of the backbone.
        non_local: whether there are non-local blocks.
    """

    name: str
    source: Source
    data_set: str
    sampling: str
    accuracies: tuple[Accuracy, ...]
    files: tuple[File, ...]
    backbone: str
    consensus: str
    shift_mode: str
    num_segments: int
    input_size: int
    modality: str
    normalisation: tuple[tuple[float, ...], tuple[float, ...]]
    non_local: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits, which depends on the source."""
        return DATA_SETS[self.data_set].labels(self.source.class_order)

    def spec(self) -> ModelSpec:
        """Returns the description of the model."""
        labels = self.labels
        mean, std = self.normalisation
        if self.modality == "flow":
            mean = (self.source.flow_mean,) * CHANNELS["flow"]
            std = (self.source.flow_std,) * CHANNELS["flow"]
        return ModelSpec(
            backbone=self.backbone,
            num_classes=len(labels),
            labels=labels,
            num_segments=self.num_segments,
            input_size=self.input_size,
            consensus=self.consensus,
            shift_mode=self.shift_mode,
            modality=self.modality,
            non_local=self.non_local,
            mean=mean,
            std=std,
        )


@functools.cache
def presets() -> Mapping[str, Preset]:
    """Returns all presets by name."""
    folder = importlib.resources.files("tsm_tf.weights.presets")
    text = (folder / "presets.csv").read_text(encoding="utf-8")
    return {row["name"]: _preset(row) for row in csv.DictReader(text.splitlines())}


def find_preset(name: str) -> Preset:
    """Returns the preset with a name.

    Raises:
        InputError: there is none; similar names are listed.
    """
    found = presets().get(name)
    if found is None:
        similar = difflib.get_close_matches(name, presets(), n=5, cutoff=0.5)
        hint = f"such as {', '.join(similar)}" if similar else f"such as {next(iter(presets()))}"
        rule = f"must be a name from `python -m tsm_tf.weights --list`, {hint}"
        raise InputError("preset", rule, name)
    return found


def name_checkpoint(checkpoint: str | None, preset: str | None) -> str:
    """Returns the checkpoint that a command's flags give: a folder, or `preset:NAME`.

    Args:
        checkpoint: value of `--checkpoint`.
        preset: value of `--preset`.

    Raises:
        InputError: both or none of them are given, or there is no such preset.
    """
    if bool(checkpoint) == bool(preset):
        rule = "must be given, or else --preset, but not both"
        raise InputError("checkpoint", rule, (checkpoint, preset))
    return checkpoint or f"{PREFIX}{find_preset(str(preset)).name}"


def describe() -> str:
    """Returns the table in Markdown, with columns of equal width."""
    rows = [_HEADER, *map(_describe_preset, presets().values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = [map(str.ljust, row, widths) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _describe_preset(preset: Preset) -> tuple[str, ...]:
    network = f"{preset.backbone}{', non-local' if preset.non_local else ''}"
    if preset.consensus != AVERAGE:
        network += f", {preset.consensus}"
    clip = f"{preset.num_segments} frames, {preset.sampling}"
    if preset.modality == "flow":
        clip += ", flow"
    classes = f"{len(preset.labels)}, {DATA_SETS[preset.data_set].title}"
    reported = "; ".join(map(_describe_accuracy, preset.accuracies)) or "not stated"
    return preset.name, classes, network, clip, preset.source.title, reported


def _describe_accuracy(accuracy: Accuracy) -> str:
    top5 = "" if accuracy.top5 is None else f" / {accuracy.top5}"
    return f"{accuracy.top1}{top5} ({accuracy.protocol})"


def _preset(row: Mapping[str, str]) -> Preset:
    files = [File(row["url"], row["sha256"]), File(row["mirror"], row["mirror_sha256"])]
    return Preset(
        name=row["name"],
        source=SOURCES[row["source"]],
        data_set=row["data_set"],
        sampling=row["sampling"],
        accuracies=tuple(_accuracy(text) for text in row["accuracy"].split("; ") if text),
        files=tuple(file for file in files if file.url),
        backbone=row["backbone"],
        consensus=row["consensus"],
        shift_mode=row["shift_mode"],
        num_segments=int(row["num_segments"]),
        input_size=int(row["input_size"]),
        modality=row["modality"],
        normalisation=_NORMALISATIONS[row["normalisation"]],
        non_local=row["non_local"] == "yes",
    )


def _accuracy(text: str) -> Accuracy:
    match = _ACCURACY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is not an accuracy with a protocol")
    top1, top5, protocol = match.groups()
    return Accuracy(float(top1), None if top5 is None else float(top5), protocol)
