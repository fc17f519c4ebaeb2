"""One training of a detector: data, model, `model.fit`, and a folder to resume it from."""

import contextlib
import dataclasses
import os
import pathlib

import keras

from tsm_tf.detection.data.listing import DetectionListing, open_detection_data
from tsm_tf.detection.data.samples import list_samples
from tsm_tf.detection.recipes import DetectionRecipe
from tsm_tf.detection.rfcn import DetectorModel
from tsm_tf.detection.training.clips import DetectionClips, DetectionPlan
from tsm_tf.detection.training.start import make_model
from tsm_tf.devices import Devices, pick_devices
from tsm_tf.errors import InputError
from tsm_tf.training.fit import fit
from tsm_tf.training.run_folder.folder import open_run
from tsm_tf.training.run_folder.run_settings import claim, disk_errors, log_launch
from tsm_tf.training.settings import Execution, Initialization


def train(
    recipe: DetectionRecipe,
    data: DetectionListing | str | os.PathLike,
    output: str | os.PathLike,
    *,
    initialization: Initialization = Initialization(),  # noqa: B008 (frozen)
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> DetectorModel:
    """Trains a recipe's detector, or resumes an interrupted run.

    Args:
        recipe: model and hyper-parameters.
        data: annotated videos, a `DetectionListing` or their folder.
        output: the run's folder, as for `tsm_tf.training.train.train`.
        initialization: which weights to start from.
        execution: on which devices to train, and how.

    Returns:
        The detector after the last epoch.

    Raises:
        InputError: bad data or arguments, an output folder of another run or in use by another
            training, a NaN loss, or no space to save.
        BadVideoError: a broken picture or annotation.
        Preempted: SIGTERM was received, and the state is saved.
    """
    devices, output = pick_devices(execution.strategy), pathlib.Path(output)
    check_settings(initialization, execution, devices)
    listing = open_detection_data(data)
    plan = make_plan(recipe, listing, devices)

    settings = {
        "data": listing.data,
        "data_digest": listing.digest,
        **_settings(recipe, plan, initialization, execution),
    }
    with open_run(output, settings) if devices.is_chief else contextlib.nullcontext():
        keras.utils.set_random_seed(recipe.seed)
        model = make_model(plan.spec, recipe, initialization, execution, devices, plan.steps)
        if devices.is_chief:
            with disk_errors(output):
                claim(output, settings)
                log_launch(output)

        spec, detector = plan.spec, model.clip_model
        print(
            f"{spec.method} on {spec.backbone}, shift_mode {spec.shift_mode}, "
            f"{detector.count_params():,} parameters"
        )
        fit(model, DetectionClips(plan, devices, execution), execution, output)
    return detector


def make_plan(
    recipe: DetectionRecipe,
    listing: DetectionListing,
    devices: Devices,
) -> DetectionPlan:
    """Returns a recipe's plan for a data folder; prints what it found there.

    Raises:
        InputError: there are not enough samples for a step, or nothing to validate.
    """
    spec = recipe.model.replace(num_classes=len(listing.labels), labels=listing.labels)
    videos, validation = listing.videos("train"), listing.videos("val")
    samples = len(list_samples(videos))
    devices.share.check(recipe.batch_size)
    if not validation:
        raise InputError("data", "must have videos for validation", listing.data)
    if samples < recipe.batch_size:
        rule = f"must be at most the {samples} training samples"
        raise InputError("batch_size", rule, recipe.batch_size)

    print(
        f"{samples:,} samples per epoch from {len(videos):,} videos, {len(validation):,} videos to "
        f"validate, {len(listing.labels)} classes"
    )
    return DetectionPlan(recipe, listing, spec, samples // recipe.batch_size)


def check_settings(
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
) -> None:
    """Raises if settings do not work for detectors, together, or on these devices.

    Raises:
        InputError: naming one of the settings.
    """
    if initialization.teacher:
        raise InputError("teacher", "must be None for a detector", initialization.teacher)
    if execution.on_bad_video != "stop":
        raise InputError("on_bad_video", "must be stop for a detector", execution.on_bad_video)
    if execution.mixed_precision == "float16" and devices.has_replicas:
        # as in `tsm_tf.training.train.check_settings`
        raise InputError("mixed_precision", "must be bfloat16 with several devices", "float16")
    if devices.share.count > 1:
        rule = "must be of one machine for a detector, whose validation needs all detections"
        raise InputError("strategy", rule, f"{devices.share.count} processes")


def _settings(recipe, plan, initialization, execution):
    """Returns the settings that a resumed run must share, under flat names."""
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    del values["model"]
    return {
        **plan.spec.to_dict(),
        "init": initialization.init,
        "weights": initialization.weights,
        "mixed_precision": execution.mixed_precision,
        **values,
    }
