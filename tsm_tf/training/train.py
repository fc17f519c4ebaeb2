"""One training: data, model, `model.fit`, and a folder that it can go on from."""

import contextlib
import dataclasses
import os
import pathlib

import keras

from tsm_tf.data.flips import describe_flips, flip_targets, read_flip_targets
from tsm_tf.data.listing import MIN_TRAINING_FRAMES, Listing, trainable_videos
from tsm_tf.data.stream_rate import stream_fps
from tsm_tf.errors import InputError
from tsm_tf.models.clip import build_model
from tsm_tf.spec import ModelSpec
from tsm_tf.training.devices import clip_after_reduction, pick_devices
from tsm_tf.training.fit import Execution, Loop
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.run_folder.run_settings import claim, note_start, room_or_error
from tsm_tf.training.step.accumulate import accumulate
from tsm_tf.training.step.distill import distill, load_teacher
from tsm_tf.training.step.kernels import use_fast_kernels
from tsm_tf.training.step.optimizer import build_optimizer
from tsm_tf.training.step.parameter_groups import batch_norms, freeze_batch_norms
from tsm_tf.weights.pretrained import initial_weights, pretrained_weights

PRECISIONS = ("float16", "bfloat16")
_MODEL_FIELDS = (
    *(
        "backbone",
        "width",
        "input_size",
        "num_segments",
        "shift_mode",
        "shift_div",
        "non_local",
        "dropout",
    ),
)


@dataclasses.dataclass(frozen=True)
class Start:
    """What a training starts from, and learns from besides labels.

    Args:
        init: checkpoint to start from; a head of other classes stays new.
        weights: image network to start from; see `pretrained_weights`.
        teacher: checkpoint to distill; see `distill`.
        distill_weight, temperature: of the distillation.
    """

    init: str | None = None
    weights: str | None = None
    teacher: str | None = None
    distill_weight: float = 0.5
    temperature: float = 2.0


def train(
    recipe: Recipe,
    data_dir: str | os.PathLike,
    output: str | os.PathLike,
    *,
    start: Start = Start(),
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> keras.Model:
    """Trains by `model.fit`, or goes on with a run that was stopped.

    Args:
        recipe: model and hyper-parameters.
        data_dir: folder with `train.txt`, `val.txt`, `labels.txt`.
        output: the run's folder: `best/`, `last/`, `log.csv`, `curves.png`, `tensorboard/`, `checkpoints/`, `run.json`,
            `starts.jsonl`.
        start: what to start from.
        execution: on which devices, and how.

    Returns:
        The model after the last epoch.

    Raises:
        InputError: bad data or arguments, an output folder of another run, a loss that is no number, no room to save,
            another worker that is gone.
        BadVideoError: a broken video, with `on_bad_video="stop"`.
        Preempted: SIGTERM came, and the state is saved.
    """
    devices = pick_devices(execution.strategy)
    _check(recipe, start, execution, devices)
    listing = Listing(data_dir)
    spec = _spec(recipe, listing)
    targets = _flips(recipe.flips, spec.labels)
    counts = _count_videos(listing)
    drop_last = recipe.drop_last or devices.share.parts > 1 or recipe.accumulate > 1
    steps = _steps(recipe, counts["train"], drop_last)
    output = pathlib.Path(output)
    keras.utils.set_random_seed(recipe.seed)
    with devices.scope(), _precision(execution.mixed_precision):
        model, lines = make_model(spec, recipe, start, execution, devices, steps)
    settings = {
        "data": str(pathlib.Path(data_dir)),
        "data_digest": listing.digest,
        "labels": spec.labels,
    }
    settings |= {**dataclasses.asdict(start), "mixed_precision": execution.mixed_precision}
    if devices.is_chief:
        with room_or_error(output):
            claim(output, {**settings, **dataclasses.asdict(recipe)})
            note_start(output)
    lines += [
        describe_flips(spec.labels, targets) if targets else "flips: none",
        f"{counts['train']:,} videos to train on, {counts['val']:,} to validate, {spec.num_classes} classes",
        f"{spec.backbone}, shift_mode {spec.shift_mode}, {model.count_params():,} parameters",
    ]
    loop = Loop(recipe, listing, model, devices, execution, output, steps, drop_last, targets)
    loop.run(lines)
    return model


def _count_videos(listing):
    counts = {
        "train": len(trainable_videos(listing.videos("train"))),
        "val": len(listing.videos("val")),
    }
    if not counts["train"]:
        rule = f"must have training videos of at least {MIN_TRAINING_FRAMES} frames"
        raise InputError("data", rule, listing.data)
    return counts


def _steps(recipe, count, drop_last):
    batch_size = recipe.batch_size * recipe.accumulate
    steps = count // batch_size if drop_last else -(-count // batch_size)
    if steps < 1:
        rule = f"must, with accumulate={recipe.accumulate}, be at most the {count} training videos"
        raise InputError("batch_size", rule, recipe.batch_size)
    return steps


def _check(recipe, start, execution, devices):
    if start.init and start.weights:
        raise InputError("weights", "must be left out with init, which has weights", start.weights)
    if execution.mixed_precision not in (None, *PRECISIONS):
        raise InputError(
            "mixed_precision", f"must be one of {', '.join(PRECISIONS)}", execution.mixed_precision
        )
    if execution.mixed_precision == "float16" and devices.has_replicas:
        # Keras looks for overflows in each replica's gradients, before their sum: replicas would scale differently.
        raise InputError("mixed_precision", "must be bfloat16 with several devices", "float16")
    if keras.backend.backend() != "tensorflow":  # Keras profiles JAX with Python 3.12 only
        options = (("accumulate", recipe.accumulate, 1), ("profile", execution.profile, False))
        for name, value, neutral in (*options, ("teacher", start.teacher, None)):
            if value != neutral:
                raise InputError(
                    name, f"must be {neutral} unless KERAS_BACKEND is tensorflow", value
                )
    if recipe.accumulate > 1 and execution.sync_batch_norm:
        raise InputError(
            "sync_batch_norm",
            "must be false with accumulate: replicas would meet within a loop",
            True,
        )
    if not 0 <= start.distill_weight <= 1:
        raise InputError("distill_weight", "must be between 0 and 1", start.distill_weight)
    if not start.temperature > 0:
        raise InputError("temperature", "must be positive", start.temperature)


@contextlib.contextmanager
def _precision(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(f"mixed_{name}" if name else before)
    yield
    keras.config.set_dtype_policy(before)


def _spec(recipe, listing):
    labels = listing.labels
    if len(labels) < 2:
        raise InputError("data", "must have at least two classes to tell apart", labels)
    choices = {name: getattr(recipe, name) for name in _MODEL_FIELDS}
    fps = stream_fps(listing.videos("train"), recipe.num_segments)
    return ModelSpec(num_classes=len(labels), labels=labels, fps=fps, **choices)


def make_model(spec, recipe, start, execution, devices, steps):
    """Returns a recipe's compiled model, and lines for people about what it starts from.

    Args:
        spec: of the model.
        recipe, start, execution: as of `train`.
        devices: as of `pick_devices`, in whose scope this is called.
        steps: of an epoch.
    """
    model = build_model(spec)
    new = None
    if start.init:
        new = initial_weights(model, start.init)
    elif start.weights:
        new = pretrained_weights(model, start.weights)
    lines = (
        []
        if new is None
        else [f"starting from {start.init or start.weights}; new: {', '.join(new) or 'nothing'}"]
    )
    if recipe.start and new is None:
        lines.append(
            f"from scratch; the paper starts from {recipe.start}: --init=CHECKPOINT or --weights=FILE"
        )
    if recipe.partial_bn:
        freeze_batch_norms(model)
    for layer in batch_norms(model) if execution.sync_batch_norm and devices.strategy else []:
        layer.synchronized = True
    use_fast_kernels(model)
    if recipe.accumulate > 1:
        accumulate(model, recipe.accumulate)
    optimizer = build_optimizer(recipe, model, steps, new_head=new is None or bool(new))
    if devices.has_replicas:
        clip_after_reduction(optimizer)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        jit_compile="auto" if execution.jit_compile is None else execution.jit_compile,
    )
    if start.teacher:
        teacher = load_teacher(start.teacher, model)
        distill(model, teacher, start.distill_weight, start.temperature, steps * recipe.epochs)
        lines.append(f"teacher: {start.teacher}")
    return model, lines


def _flips(flips, labels):
    if flips == "none":
        return None
    return flip_targets(labels) if flips == "auto" else read_flip_targets(flips, labels)
