"""Maps videos with several models; `tsm_tf.analysis.cam` is the command."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_tf.analysis.activation_maps import (
    ClipMaps,
    Mapper,
    attention,
    foreground_threshold,
    resize_maps,
)
from tsm_tf.analysis.cam_pictures import View, film, strip, write_film, write_png
from tsm_tf.data.listing import Listing, check_labels
from tsm_tf.data.loader import center_clip
from tsm_tf.data.modality import source_of
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.files import write_csv
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import check_takes_clips_alone
from tsm_tf.weights.checkpoint import BEST, load_checkpoint, load_spec
from tsm_tf.weights.presets.load import resolve_checkpoint

KINDS = {"none": "TSN", "unidirectional": "online TSM", "bidirectional": "offline TSM"}
MAX_CLASSES = 30
"""Rows in a picture of classes."""


@dataclasses.dataclass
class MappedModel:
    """A model and what it maps.

    Args:
        name: for people: the kind of model and the name of its folder.
        mapper: computes the maps.
        class_index: the class to map; None for the predicted or true class.
        threshold: smallest foreground value; None takes that of each clip.
    """

    name: str
    mapper: Mapper
    class_index: int | None
    threshold: float | None = None

    @property
    def spec(self) -> ModelSpec:
        """The model's spec."""
        return self.mapper.spec

    def label(self, index: int) -> str:
        """Returns the name of a class, or its number."""
        return self.spec.labels[index] if self.spec.labels else f"class {index}"


def load_models(
    checkpoints: Sequence[str | os.PathLike],
    class_name: str | None = None,
    method: str | None = None,
    layer: str | None = None,
    listing: Listing | None = None,
) -> list[MappedModel]:
    """Loads models that can be shown side by side.

    Args:
        checkpoints: checkpoint folders, folders of training runs, or `preset:NAME`.
        class_name: the class to map, or its number; None for the predicted or true one.
        method: see `Mapper`.
        layer: see `Mapper`.
        listing: data that the classes must fit.

    Raises:
        MissingFile: no checkpoint.
        InputError: models of other classes, clip lengths or modalities, an unknown class, or a
            method or layer that a model does not have.
    """
    folders = [resolve_checkpoint(checkpoint) for checkpoint in checkpoints]
    specs = [load_spec(folder) for folder in folders]
    for checkpoint, spec in zip(checkpoints, specs, strict=True):
        _check_spec(str(checkpoint), spec, specs[0])
        if listing is not None:
            check_labels(spec, listing)
            if spec.num_classes != len(listing.labels):
                rule = f"must have the checkpoint's {spec.num_classes} classes"
                raise InputError("data", rule, listing.labels)

    index = _class_index(class_name, specs[0])
    models = []
    for checkpoint, folder, spec in zip(checkpoints, folders, specs, strict=True):
        mapper = Mapper(load_checkpoint(folder), method, layer)
        name = f"{KINDS[spec.shift_mode]} ({_folder_name(pathlib.Path(checkpoint))})"
        models.append(MappedModel(name, mapper, index))
    return models


def _check_spec(checkpoint, spec, first):
    if spec.modality != "rgb":
        raise InputError("checkpoints", "must be of models of RGB frames", checkpoint)
    check_takes_clips_alone(spec.backbone, "be mapped")
    for name in ("num_segments", "num_classes", "labels"):
        if getattr(spec, name) != getattr(first, name):
            rule = f"must have the {name} of the first, {getattr(first, name)}"
            raise InputError("checkpoints", rule, f"{getattr(spec, name)} in {checkpoint}")


def _class_index(name, spec):
    if name is None:
        return None
    labels = spec.labels or ()
    if name in labels:
        return labels.index(name)
    if name.isdecimal() and int(name) < spec.num_classes:
        return int(name)
    known = ", ".join(labels) or "no names"
    raise InputError("class", f"must be a number below {spec.num_classes} or one of: {known}", name)


def _folder_name(folder):
    folder = folder.absolute()
    return folder.parent.name if folder.name == BEST else folder.name


def map_video(models: Sequence[MappedModel], path: str, output: pathlib.Path) -> list[str]:
    """Writes `cam.png`, `cam.gif`, `cam.mp4` and `cam.csv` for a video.

    Args:
        models: from `load_models`.
        path: the video file.
        output: an existing folder.

    Returns:
        The names of the files.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
    """
    video = Video(os.path.abspath(path), path, UNKNOWN_FRAMES, label=-1)
    views, rows = [], []
    for model in models:
        clip = center_clip(video, model.spec, VIDEO_FILES)
        result = model.mapper(clip, model.class_index)
        if not views:
            views.append(View([os.path.basename(path)], clip))

        index = int(result.logits.argmax()) if model.class_index is None else model.class_index
        views.append(_view(model, clip, result, index))
        rows += [
            {
                "model": model.name,
                "method": model.mapper.method,
                "layer": model.mapper.layer,
                "class": model.label(index),
                "frame": frame,
                "attention": round(float(share), 4),
            }
            for frame, share in enumerate(attention(result.maps).sum(axis=(1, 2)))
        ]
        print(", ".join(views[-1].lines), flush=True)

    write_csv(output / "cam.csv", rows)
    write_png(output / "cam.png", strip(views))
    write_film(output, "cam", film(views))
    return ["cam.png", "cam.gif", "cam.mp4", "cam.csv"]


def _view(model: MappedModel, clip: np.ndarray, result: ClipMaps, index: int) -> View:
    threshold = model.threshold
    if threshold is None:
        threshold = foreground_threshold(resize_maps(result.maps, clip.shape[1]))
    to_probabilities = sigmoid if model.spec.multi_label else softmax
    share = to_probabilities(result.logits)[index]
    lines = [model.name, model.label(index), f"{share:.1%}"]
    return View(lines, clip, result.maps, threshold)


@dataclasses.dataclass
class _ClassSums:
    """Sums over the videos of a class."""

    frames: np.ndarray
    maps: np.ndarray
    videos: int = 0


def map_split(
    models: Sequence[MappedModel],
    listing: Listing,
    split: str,
    output: pathlib.Path,
) -> list[str]:
    """Writes average maps of the true class of each video: `classes-N.png` and `classes.csv`.

    It also sets each model's threshold to that of the split, so that 20% of all pixels are in the
    foreground (section 8).

    Args:
        models: from `load_models`.
        listing: the data.
        split: name of the list file. With a `class_index`, only the videos of that class count.
        output: an existing folder.

    Returns:
        The names of the files.

    Raises:
        MissingFile: no list file or video.
        InputError: no video of the class.
        BadVideoError: a video cannot be decoded.
    """
    videos = listing.labelled_videos(split)
    if models[0].class_index is not None:
        videos = [video for video in videos if models[0].class_index in _classes(video)]
        if not videos:
            name = models[0].label(models[0].class_index)
            raise InputError("class", f"must be a class of videos in {split}", name)

    rows, written = [], []
    for number, model in enumerate(models, 1):
        sums = _sum_maps(model, videos, listing)
        rows += _class_rows(model, sums)
        written.append(f"classes-{number}.png")
        write_png(output / written[-1], strip(_class_views(model, sums)))

    write_csv(output / "classes.csv", rows)
    return [*written, "classes.csv"]


def _sum_maps(model, videos, listing) -> dict[int, _ClassSums]:
    """Sums clips and maps over the videos of each class, and sets the model's threshold."""
    sums: dict[int, _ClassSums] = {}
    everything, progress = [], ProgressLine(len(videos), "videos", f"mapped by {model.name}")
    source = source_of(listing, model.spec.modality)

    for done, video in enumerate(videos, 1):
        clip = center_clip(video, model.spec, source)
        for label in _classes(video) if model.class_index is None else [model.class_index]:
            maps = model.mapper(clip, label).maps
            everything.append(maps)

            total = sums.setdefault(label, _ClassSums(np.zeros(clip.shape), np.zeros(maps.shape)))
            total.frames += clip
            total.maps += maps
            total.videos += 1
        progress.show(done)

    model.threshold = foreground_threshold(np.stack(everything))
    return dict(sorted(sums.items()))


def _classes(video):
    """Returns all classes of a video; multi-label lists have several."""
    return video.classes or (video.label,)


def _class_views(model, sums):
    """Returns the first classes as rows of a picture, each with a threshold of its own."""
    views = []
    for label, total in list(sums.items())[:MAX_CLASSES]:
        frames = (total.frames / total.videos).round().astype(np.uint8)
        maps = (total.maps / total.videos).astype(np.float32)
        threshold = foreground_threshold(resize_maps(maps, frames.shape[1]))
        lines = [model.name, model.label(label), f"mean of {total.videos} videos"]
        views.append(View(lines, frames, maps, threshold))
    return views


def _class_rows(model, sums):
    return [
        {
            "model": model.name,
            "class": model.label(label),
            "videos": total.videos,
            "frame": frame,
            "attention": round(float(share), 4),
        }
        for label, total in sums.items()
        for frame, share in enumerate(attention(total.maps).sum(axis=(1, 2)))
    ]
