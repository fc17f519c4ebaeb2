"""One training: data, model, `model.fit`, and a folder from which it can be resumed."""

import contextlib
import dataclasses
import os
import pathlib

import keras

from tsm_tf.data.flips import choose_flips, describe_flips
from tsm_tf.data.listing import Listing, open_listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.stream_rate import stream_fps
from tsm_tf.data.video import MIN_TRAINING_FRAMES, is_uri, trainable_videos
from tsm_tf.data.window_pipeline import check_streams, num_windows
from tsm_tf.devices import Devices, pick_devices
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec
from tsm_tf.training.clips import Plan, make_clips
from tsm_tf.training.fit import fit
from tsm_tf.training.model import make_model
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.run_folder.folder import open_run
from tsm_tf.training.run_folder.run_settings import claim, disk_errors, log_launch, run_settings
from tsm_tf.training.run_folder.state import has_states
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.weights.checkpoint import BEST

CLIPS = "clips"
"""Folder of the stage on clips, in that of a training on streams."""


def train(
    recipe: Recipe,
    data: Listing | str | os.PathLike,
    output: str | os.PathLike,
    *,
    initialization: Initialization = Initialization(),  # noqa: B008 (frozen)
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> keras.Model:
    """Trains a recipe's model, or resumes an interrupted run.

    Args:
        recipe: model and hyper-parameters.
        data: the videos for training and validation, a `Listing` or what it is made of.
        output: the run's folder: `best/`, `last/`, `log.csv`, `curves.png`, `tensorboard/`,
            `states/`, `run.json`, `launches.jsonl`.
        initialization: which weights to start from.
        execution: on which devices to train, and how.

    Returns:
        The clip model after the last epoch.

    Raises:
        InputError: bad data or arguments, an output folder of another run or in use by another
            training, a NaN loss, no space to save, or a lost worker.
        BadVideoError: a broken video, with `on_bad_video="stop"`.
        Preempted: SIGTERM was received, and the state is saved.
    """
    devices = pick_devices(execution.strategy)
    return _train(recipe, data, pathlib.Path(output), initialization, execution, devices)


def _train(
    recipe: Recipe,
    data: Listing | str | os.PathLike,
    output: pathlib.Path,
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
) -> keras.Model:
    """Trains one or both stages; they share the devices, since a process has one strategy."""
    check_settings(recipe, initialization, execution, devices)
    listing = open_listing(data)
    plan = make_plan(recipe, listing, devices)
    if plan.spec.multi_label:
        check_multi_label(initialization, devices)

    settings = {
        "data": listing.data if is_uri(listing.data) else str(pathlib.Path(listing.data)),
        "data_digest": listing.digest,
        "labels": plan.spec.labels,
        **run_settings(recipe, initialization, execution.mixed_precision),
    }
    with open_run(output, settings) if devices.is_chief else contextlib.nullcontext():
        if recipe.clip_epochs and not initialization.init:
            if devices.is_chief:
                with disk_errors(output):
                    claim(output, settings)
            initialization = _train_on_clips(
                recipe, listing, output, initialization, execution, devices
            )

        keras.utils.set_random_seed(recipe.seed)
        model = make_model(plan.spec, recipe, initialization, execution, devices, plan.steps)
        if devices.is_chief:
            with disk_errors(output):
                claim(output, settings)
                log_launch(output)

        spec = plan.spec
        print(
            f"{spec.backbone}, shift_mode {spec.shift_mode}, "
            f"{model.clip_model.count_params():,} parameters"
        )
        fit(model, make_clips(plan, devices, execution), execution, output)
    return model.clip_model


def _train_on_clips(
    recipe: Recipe,
    data: Listing | str | os.PathLike,
    output: pathlib.Path,
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
) -> Initialization:
    """Trains the stage on clips, in a folder of the run, unless the next stage has begun.

    Returns:
        The initialization of the stage on streams.
    """
    clips = output / CLIPS
    if not has_states(output):
        print(f"first stage: clips, in {clips}")
        stage = recipe.clip_stage()
        _train(stage, data, clips, initialization, execution, devices)

    print("second stage: streams")
    return dataclasses.replace(initialization, init=str(clips / BEST), weights=None)


def make_plan(recipe: Recipe, listing: Listing, devices: Devices) -> Plan:
    """Returns a recipe's plan for a data folder; prints what it found there.

    Raises:
        InputError: too few classes or videos.
    """
    spec = make_spec(recipe, listing)
    videos = trainable_videos(listing.videos("train"))
    if not videos:
        rule = f"must have training videos of at least {MIN_TRAINING_FRAMES} frames"
        raise InputError("data", rule, listing.data)

    targets = choose_flips(recipe.flips, listing.labels)
    drop_last = recipe.drop_last or devices.share.parts > 1 or recipe.accumulate > 1
    if streams := recipe.streams:
        for split in ("train", "val"):
            check_streams(listing, spec, split, streams.fps)
        windows = num_windows(listing, "train", streams)
        steps = steps_per_epoch(recipe, windows, drop_last=False)
        print(f"{windows:,} windows of {streams.window} frames per epoch")
    else:
        steps = steps_per_epoch(recipe, len(videos), drop_last)

    print(describe_flips(recipe.flips, listing.labels, targets))
    print(
        f"{len(videos):,} videos to train on, {len(listing.videos('val')):,} to validate, "
        f"{len(listing.labels)} classes"
    )
    if spec.multi_label:
        print("videos have several classes: sigmoid cross-entropy, and mAP decides the best epoch")
    return Plan(recipe, listing, spec, targets, drop_last, steps)


def make_spec(recipe: Recipe, listing: Listing) -> ModelSpec:
    """Returns a recipe's model with the classes and the frame rate of a data folder.

    Raises:
        InputError: too few classes, a video without a class, RGB videos for a model of optical
            flow or the reverse, or background classes beside several classes per video.
    """
    labels = listing.labels
    if len(labels) < 2:
        raise InputError("data", "must have at least two classes to tell apart", labels)
    videos = listing.labelled_videos("train")
    listing.labelled_videos("val")
    if listing.is_multi_label and listing.background:
        rule = "must have no background classes if videos have several classes"
        raise InputError("data", rule, listing.background)

    source = source_of(listing, recipe.model.modality)
    if recipe.streams:
        fps = recipe.streams.fps
    elif source.modality == "flow":
        fps = None  # frames of a stream have no flow
    else:
        fps = stream_fps(videos, recipe.model.num_segments, source)

    return recipe.model.replace(
        num_classes=len(labels),
        labels=labels,
        background=listing.background,
        multi_label=listing.is_multi_label,
        fps=fps,
    )


def steps_per_epoch(recipe: Recipe, count: int, drop_last: bool) -> int:
    """Returns the updates per epoch for `count` training videos.

    Raises:
        InputError: the videos do not fill one step.
    """
    batch_size = recipe.batch_size * recipe.accumulate
    steps = count // batch_size if drop_last else -(-count // batch_size)
    if steps < 1:
        rule = f"must, with accumulate={recipe.accumulate}, be at most the {count} training videos"
        raise InputError("batch_size", rule, recipe.batch_size)
    return steps


def check_settings(
    recipe: Recipe,
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
) -> None:
    """Raises if settings do not work together, or not on these devices.

    Raises:
        InputError: naming one of the settings.
    """
    if execution.mixed_precision == "float16" and devices.has_replicas:
        # Keras looks for overflows in the gradients of each replica, before their sum: replicas
        # would scale their losses differently.
        raise InputError("mixed_precision", "must be bfloat16 with several devices", "float16")
    if recipe.streams:
        for name, value, neutral in (
            ("on_bad_video", execution.on_bad_video, "stop"),
            ("teacher", initialization.teacher, None),
        ):
            if value != neutral:
                raise InputError(name, f"must be {neutral} to train on streams", value)
    if recipe.accumulate > 1 and execution.sync_batch_norm:
        rule = (
            "must be false with accumulate, because replicas cannot wait for each other in a loop"
        )
        raise InputError("sync_batch_norm", rule, True)
    if execution.on_bad_video == "skip" and devices.share.parts > 1:
        rule = "must be stop with several devices, whose batches have one size"
        raise InputError("on_bad_video", rule, "skip")
    if keras.backend.backend() == "tensorflow":
        return
    for name, value, neutral in (
        ("accumulate", recipe.accumulate, 1),
        ("profile", execution.profile, False),  # Keras profiles JAX with Python 3.12 only
        ("teacher", initialization.teacher, None),
    ):
        if value != neutral:
            rule = f"must be {neutral} unless KERAS_BACKEND is tensorflow"
            raise InputError(name, rule, value)


def check_multi_label(initialization: Initialization, devices: Devices) -> None:
    """Raises if settings do not work for videos with several classes.

    Raises:
        InputError: naming one of the settings.
    """
    if initialization.teacher:
        rule = "must be None if videos have several classes: its softmax expects one"
        raise InputError("teacher", rule, initialization.teacher)
    if devices.share.count > 1:
        rule = "must be of one machine if videos have several classes"
        raise InputError("strategy", rule, f"{devices.share.count} processes")
