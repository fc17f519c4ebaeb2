"""Recipes: what to train, and how. One readable function each; the flags of the command change single values.

The paper's recipes train ResNet-50 of 8 or 16 frames, with non-local blocks, or the online MobileNetV2 (`MODELS`):

    python -m tsm_tf.training --recipe=something_v1 --model=r50_16f --data=DIR --output=DIR --init=CHECKPOINT

`--quick` trains a small network on small frames for two epochs, with everything else as it is: the data set's layout,
the parameter groups, the steps of the rate. The paper gives the hours of one training only (Table 12).
"""

import dataclasses
import math

from tsm_tf.errors import InputError

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("step", "cosine", "cosine_per_epoch")
FLIPS = ("auto", "none")
SCALING_WARMUP_EPOCHS = 5  # section 7.3 refers to Goyal et al., section 2.2


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything about a training that is not the data.

    Args:
        backbone, width, input_size, num_segments, shift_mode, shift_div, non_local, dropout: of the model; see
            `ModelSpec`.
        epochs, batch_size: passes over the data; clips a step, on all devices together.
        learning_rate: the highest rate, after the warm-up.
        weight_decay: of SGD coupled (added to the gradient, before the momentum), of AdamW decoupled.
        start: what the paper starts from, `"imagenet"`, `"kinetics"`; None from scratch.
        warmup_epochs, warmup_rate: the rate rises linearly from `warmup_rate` (section 7; Goyal et al.).
        schedule: `"step"` divides by 10 at `decay_epochs`; `"cosine"` falls to 0 step by step; `"cosine_per_epoch"` is
            the original's `cos`, 0.5 * rate * (1 + cos(pi * epoch / epochs)).
        decay_epochs: of the steps.
        scales: of the multi-scale crop, relative to the shorter side.
        optimizer: `"sgd"`, the paper's with its parameter groups, or `"adamw"`.
        momentum: of SGD.
        clip_norm: largest global norm of the gradient, over all devices; 0 clips nothing.
        partial_bn: all batch norms but the first are frozen (section 5.1.1).
        flips: `"auto"` mirrors videos and their labels as `flip_targets` finds; `"none"` never does.
        drop_last: leaves out an epoch's last step when it has fewer clips than the others.
        accumulate: steps' gradients that make one update; the update is of `accumulate * batch_size` clips.
        seed: weights, order, crops and flips follow from it.
    """

    backbone: str
    width: float
    num_segments: int
    shift_mode: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    non_local: bool = False
    input_size: int = 224
    dropout: float = 0.5
    start: str | None = None
    warmup_epochs: float = 0
    warmup_rate: float = 0.0
    schedule: str = "step"
    decay_epochs: tuple[int, ...] = ()
    scales: tuple[float, ...] = (1, 0.875, 0.75, 0.66)
    shift_div: int = 8
    optimizer: str = "sgd"
    momentum: float = 0.9
    clip_norm: float = 20.0
    partial_bn: bool = False
    flips: str = "auto"
    drop_last: bool = True
    accumulate: int = 1
    seed: int = 0


_R50 = {"backbone": "resnet50", "width": 1.0, "shift_mode": "bidirectional"}
MODELS = {
    "r50_8f": {**_R50, "num_segments": 8},
    "r50_16f": {**_R50, "num_segments": 16},
    "nl_r50_8f": {**_R50, "num_segments": 8, "non_local": True},
    "mobilenet_v2_online": {
        "backbone": "mobilenet_v2",
        "width": 1.0,
        "shift_mode": "unidirectional",
        "num_segments": 8,
    },
}


def gestures() -> Recipe:
    """The nine rendered gestures, from scratch, in minutes on a laptop's processor.

        python -m tsm_tf.data.synthetic --output=data/gestures
        python -m tsm_tf.training --recipe=gestures --data=data/gestures --output=runs/tsm

    The online model of section 4.2 on a small MobileNetV2. The paper fine-tunes by SGD from ImageNet (section 5.1.1);
    from scratch on 1,440 small videos SGD is still near chance after the epochs in which AdamW has learnt them. A
    quarter of the channels shifts, as much as offline: of so narrow a network an eighth is learnt more slowly (seed 1:
    75% after 8 epochs, in place of 94%). Dropout, too, costs more steps than these ten epochs have.
    Top-1 on val: 95.8%, 94.7% with the seeds 0, 1; without the shift (`--shift_mode=none`) 41.9% with seed 0.
    """
    return Recipe(
        backbone="mobilenet_v2",
        width=0.35,
        input_size=48,
        num_segments=8,
        shift_mode="unidirectional",
        shift_div=4,
        dropout=0.0,
        epochs=10,
        batch_size=16,
        optimizer="adamw",
        learning_rate=0.003,
        warmup_epochs=1,
        schedule="cosine",
        weight_decay=0.02,
        scales=(1, 0.875),
        drop_last=False,
    )


def kinetics(model: str = "r50_8f") -> Recipe:
    """Kinetics-400 as the original's scripts train it, half the epochs of the paper's text.

        python -m tsm_tf.training --recipe=kinetics --data=DIR --output=DIR --init=IMAGENET_CHECKPOINT

    Table 6, one clip: 74.1% top-1 (8 frames), 74.7% (16 frames). Tables 1 and 3: NL R-50 75.7%, offline MobileNetV2
    69.5%; Table 7: R-50 online 74.3%.
    """
    return Recipe(
        **MODELS[model],
        start="imagenet",
        epochs=50,
        decay_epochs=(20, 40),
        learning_rate=0.02,
        batch_size=128,
        weight_decay=1e-4,
    )


def kinetics_paper(model: str = "r50_8f") -> Recipe:
    """Kinetics-400 as section 5.1.1 says; where the scripts differ, see `kinetics`.

    Top-1 as there. Table 12 trains R-50 8f with 96 clips a step on one Summit node (6 V100): 49 h 55 min, 74.12%; on
    256 nodes (1,536 V100) with 12,288 clips a step: 14 min 13 s, 73.99%:

        python -m tsm_tf.training --recipe=kinetics_paper --batch_size=12288 --linear_scaling --data=DIR --output=DIR
    """
    return Recipe(
        **MODELS[model],
        start="imagenet",
        epochs=100,
        decay_epochs=(40, 80),
        learning_rate=0.01,
        batch_size=64,
        weight_decay=1e-4,
    )


def something_v1(model: str = "r50_8f") -> Recipe:
    """Something-Something V1; never mirrored, since its classes have sides.

        python -m tsm_tf.training --recipe=something_v1 --data=DIR --output=DIR --init=IMAGENET_CHECKPOINT

    Table 2, one centre clip: 45.6% top-1 (8 frames), 47.2% (16 frames); Table 1, two clips at full resolution: 47.3%
    (8 frames), without the shift 20.5%; Table 7: online 46.3%.
    """
    return Recipe(
        **MODELS[model],
        start="imagenet",
        epochs=50,
        decay_epochs=(20, 40),
        learning_rate=0.01,
        batch_size=64,
        weight_decay=5e-4,
        flips="none",
    )


def something_v2(model: str = "r50_8f") -> Recipe:
    """Something-Something V2, trained as V1. Table 1, two clips at full resolution: 61.7% top-1 (8 frames)."""
    return something_v1(model)


def jester(model: str = "r50_8f") -> Recipe:
    """Jester's hand gestures, trained as Something-Something. Table 1: 97.0% top-1, without the shift 83.9%."""
    return something_v1(model)


def ucf101(model: str = "r50_8f") -> Recipe:
    """UCF101, from Kinetics, with all batch norms but the first frozen: the set is too small for new statistics.

        python -m tsm_tf.training --recipe=ucf101 --data=DIR --output=DIR --init=KINETICS_CHECKPOINT

    The checkpoint's head of 400 classes is dropped. Table 1, two clips at full resolution: 95.9% top-1; Table 7:
    online 95.5%.
    """
    return Recipe(
        **MODELS[model],
        start="kinetics",
        epochs=25,
        decay_epochs=(10, 20),
        learning_rate=0.001,
        batch_size=64,
        weight_decay=5e-4,
        dropout=0.8,
        partial_bn=True,
    )


def hmdb51(model: str = "r50_8f") -> Recipe:
    """HMDB51, trained as UCF101. Table 1, two clips at full resolution: 73.5% top-1; Table 7: online 73.6%."""
    return ucf101(model)


_FUNCTIONS = (
    gestures,
    kinetics,
    kinetics_paper,
    something_v1,
    something_v2,
    jester,
    ucf101,
    hmdb51,
)
RECIPES = {function.__name__: function for function in _FUNCTIONS}


def quick(recipe: Recipe) -> Recipe:
    """Returns a recipe that runs in a minute: a small network, small frames, two epochs; all else stays."""
    small = {"width": 0.35} if recipe.backbone == "mobilenet_v2" else {"backbone": "resnet18"}
    small = {"backbone": "resnet34"} if recipe.non_local else small
    decay = (1,) if recipe.decay_epochs else ()
    size = {"num_segments": 4, "input_size": 64, "batch_size": 4}
    return dataclasses.replace(recipe, **small, **size, epochs=2, decay_epochs=decay)


def linear_scaling(recipe: Recipe, reference: Recipe) -> Recipe:
    """Returns a recipe whose rate grows with its clips an update, relative to the reference's (Goyal et al.).

    The rate rises from the reference's over the first five epochs, or half of them where there are fewer than ten.
    """
    factor = recipe.batch_size * recipe.accumulate / reference.batch_size
    changes = {"learning_rate": reference.learning_rate * factor}
    if factor > 1:
        warmup = min(SCALING_WARMUP_EPOCHS, recipe.epochs / 2)
        changes |= {"warmup_epochs": warmup, "warmup_rate": reference.learning_rate}
    return dataclasses.replace(recipe, **changes)


def get_recipe(
    name: str,
    model: str | None = None,
    quick_variant: bool = False,
    scale_rate: bool = False,
    **changes,
) -> Recipe:
    """Returns a recipe by name, with the values in `changes` that are not None.

    Args:
        name: one of `RECIPES`.
        model: one of `MODELS`; None for the recipe's first. Not for `gestures`.
        quick_variant: see `quick`.
        scale_rate: see `linear_scaling`.
        **changes: of the recipe's values. Other epochs move `decay_epochs` along.

    Raises:
        InputError: no such recipe or model, or a number out of range.
    """
    if name not in RECIPES:
        raise InputError("recipe", f"must be one of {', '.join(RECIPES)}", name)
    if model is not None and (model not in MODELS or name == "gestures"):
        raise InputError(
            "model", f"must be one of {', '.join(MODELS)}, and left out with gestures", model
        )
    recipe = RECIPES[name](*([model] if model else []))
    recipe = reference = quick(recipe) if quick_variant else recipe
    changes = {key: value for key, value in changes.items() if value is not None}
    if changes.get("backbone", recipe.backbone) != recipe.backbone:
        changes = {"width": 1.0, **changes}  # the recipe's is of its own backbone
    if changes.get("epochs", recipe.epochs) != recipe.epochs:
        decay = tuple(
            round(epoch * changes["epochs"] / recipe.epochs) for epoch in recipe.decay_epochs
        )
        changes = {"decay_epochs": decay, **changes}
    recipe = dataclasses.replace(recipe, **changes)
    _check(recipe)
    if not scale_rate:
        return recipe
    for field in ("learning_rate", "warmup_epochs"):
        if field in changes:
            raise InputError(
                "linear_scaling", f"must be left out with {field}, which it decides", True
            )
    if recipe.schedule == "cosine_per_epoch":
        raise InputError(
            "linear_scaling", "must be left out with cosine_per_epoch, which has no warm-up", True
        )
    return linear_scaling(recipe, reference)


def _check(recipe):
    for field, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if getattr(recipe, field) not in choices:
            raise InputError(field, f"must be one of {', '.join(choices)}", getattr(recipe, field))
    for field in ("epochs", "batch_size", "accumulate"):
        if getattr(recipe, field) < 1:
            raise InputError(field, "must be at least 1", getattr(recipe, field))
    if not 0 < recipe.learning_rate < math.inf:
        raise InputError("learning_rate", "must be positive", recipe.learning_rate)
    for field in ("weight_decay", "warmup_epochs", "clip_norm"):
        if not 0 <= getattr(recipe, field) < math.inf:
            raise InputError(field, "must be a number of at least 0", getattr(recipe, field))
    if recipe.warmup_epochs and recipe.schedule == "cosine_per_epoch":
        raise InputError(
            "warmup_epochs", "must be 0 with cosine_per_epoch, which has none", recipe.warmup_epochs
        )
    if not 0 <= recipe.seed < 2**32:
        raise InputError("seed", "must be from 0 to 2**32 - 1", recipe.seed)
