"""One training: data, model, `model.fit`, and a folder that it can go on from."""

import dataclasses
import json
import os
import pathlib
import warnings

import keras
import tensorflow as tf

from tsm_tf.data.decode import BadVideoError
from tsm_tf.data.manifest import read_labels, read_videos
from tsm_tf.data.pipeline import clip_dataset, stream_fps
from tsm_tf.data.transforms import describe_flips, flip_targets, read_flip_targets
from tsm_tf.errors import InputError
from tsm_tf.models.clip import build_model
from tsm_tf.models.pretrained import initial_weights, pretrained_weights
from tsm_tf.spec import ModelSpec
from tsm_tf.training.callbacks import BadVideoReport, RunFolder
from tsm_tf.training.optimizer import build_optimizer
from tsm_tf.training.recipes import Recipe

RUN_FILE = "run.json"


def train(
    recipe: Recipe,
    data_dir: str | os.PathLike,
    output: str | os.PathLike,
    *,
    init: str | None = None,
    weights: str | None = None,
    flips: str = "auto",
    on_bad_video: str = "stop",
) -> keras.Model:
    """Trains by `model.fit`, or goes on with a run that was stopped.

    Args:
        recipe: model and hyper-parameters.
        data_dir: folder with `train.txt`, `val.txt`, `labels.txt`.
        output: the run's folder: `best/`, `last/`, `log.csv`, `curves.png`, `tensorboard/`, `run.json`.
        init: checkpoint to start from; a head of other classes stays new.
        weights: image network to start from; see `pretrained_weights`.
        flips: `"auto"` mirrors videos and their labels as `flip_targets` finds, a JSON file as `read_flip_targets`
            reads it; `"none"` never does.
        on_bad_video: see `clip_dataset`.

    Returns:
        The model after the last epoch.

    Raises:
        InputError: bad data or arguments, or an output folder of another run.
        BadVideoError: a broken video, with `on_bad_video="stop"`.
    """
    if init and weights:
        raise InputError("weights", "must be left out with init, which has weights", weights)
    spec = _spec(recipe, data_dir)
    targets = _flip_targets(flips, spec.labels)
    counts = {split: len(read_videos(data_dir, split)) for split in ("train", "val")}
    keras.utils.set_random_seed(recipe.seed)
    model = build_model(spec)
    start = initial_weights(model, init) if init else pretrained_weights(model, weights) if weights else None
    output = pathlib.Path(output)
    choices = {
        "data": str(pathlib.Path(data_dir)),
        "labels": spec.labels,
        "init": init,
        "weights": weights,
        "flips": flips,
    }
    _claim(output, {**choices, **dataclasses.asdict(recipe)})
    model.compile(
        build_optimizer(recipe, model, -(-counts["train"] // recipe.batch_size)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    folder = RunFolder(output)
    done = folder.restore(model)
    if done >= recipe.epochs:
        print(f"{output} has all its {recipe.epochs} epochs")
        return model
    if start is not None:
        print(f"starting from {init or weights}; new: {', '.join(start) or 'nothing'}")
    print(describe_flips(spec.labels, targets) if targets else "flips: none")
    print(f"{counts['train']:,} videos to train on, {counts['val']:,} to validate, {spec.num_classes} classes")
    print(f"{spec.backbone}, shift_mode {spec.shift_mode}, {model.count_params():,} parameters")
    print(f"{'going on' if done else 'training'}: epoch {done + 1} to {recipe.epochs}", flush=True)
    _fit(model, recipe, data_dir, folder, done, targets, on_bad_video)
    return model


def _fit(model, recipe, data_dir, folder, done, targets, on_bad_video):
    bad_videos: list[BadVideoError] = []
    common = {"on_bad_video": on_bad_video, "bad_videos": bad_videos}
    training = clip_dataset(
        *(data_dir, model.spec, "train", True, recipe.batch_size),
        **{"seed": recipe.seed, "first_epoch": done, "flip_targets": targets, "scales": recipe.scales, **common},
    )
    validation = clip_dataset(data_dir, model.spec, "val", False, recipe.batch_size, **common)
    # Keras learns from the first pass how many batches there are, and warns of one that has fewer.
    warnings.filterwarnings("ignore", "Your input ran out of data")
    tensorboard = keras.callbacks.TensorBoard(folder.directory / "tensorboard")
    try:
        model.fit(
            training,
            validation_data=validation,
            epochs=recipe.epochs,
            initial_epoch=done,
            callbacks=[folder, BadVideoReport(bad_videos), tensorboard],
            shuffle=False,
        )
    except tf.errors.OpError:
        if on_bad_video == "stop" and bad_videos:
            raise bad_videos[0] from None
        raise


def _flip_targets(flips, labels):
    if flips == "none":
        return None
    return flip_targets(labels) if flips == "auto" else read_flip_targets(flips, labels)


def _spec(recipe, data_dir):
    labels = read_labels(data_dir)
    names = ("backbone", "width", "input_size", "num_segments", "shift_mode", "shift_div", "dropout")
    choices = {name: getattr(recipe, name) for name in names}
    fps = stream_fps(data_dir, "train", recipe.num_segments)
    return ModelSpec(num_classes=len(labels), labels=labels, fps=fps, **choices)


def _claim(output, settings):
    """Marks the folder as this run's; refuses one of another run, or with other content."""
    path = output / RUN_FILE
    settings = json.loads(json.dumps(settings))
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = sorted(name for name in settings if found.get(name) != settings[name])
        if differing:
            name = differing[0]
            rule = f"must be a new folder for another {name}: {output} was begun with {found.get(name)!r}"
            raise InputError("output", rule, settings[name])
    elif output.exists() and any(not child.name.startswith(".") for child in output.iterdir()):
        raise InputError("output", "must be a new or empty folder, or a run to go on with", str(output))
    else:
        output.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".writing.{RUN_FILE}")
        temporary.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(temporary, path)
