"""`Recipe`: everything about a training that is not the data, and its two transformations."""

import dataclasses
import math

from tsm_tf.catalogue import OPTIONS, find_architecture
from tsm_tf.data.augmentation_settings import AUGMENTATION_FIELDS, AugmentationSettings
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import check_choice

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("step", "cosine", "cosine_per_epoch")
SCALING_WARMUP_EPOCHS = 5  # section 7.3 refers to Goyal et al., section 2.2


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A model and its hyper-parameters.

    Args:
        model: the model. Its classes are placeholders: the data folder decides them.
        epochs: passes over the training videos.
        batch_size: clips per step, on all devices together.
        learning_rate: the highest rate, reached after the warm-up.
        weight_decay: coupled for SGD (added to the gradient before the momentum), decoupled for
            AdamW.
        initial_weights: what the paper starts from, `"imagenet"` or `"kinetics"`; None: random
            weights.
        warmup_epochs: the rate rises linearly from `warmup_rate` over these epochs (section 7;
            Goyal et al.).
        warmup_rate: the rate of the first step of the warm-up.
        schedule: one of `SCHEDULES`. `"step"` divides the rate by 10 at each of `decay_epochs`.
            `"cosine"` lowers it to 0 step by step. `"cosine_per_epoch"` is the original's `cos`:
            0.5 * rate * (1 + cos(pi * epoch / epochs)).
        decay_epochs: epochs at which `"step"` lowers the rate.
        augmentation: random changes of training clips.
        optimizer: one of `OPTIMIZERS`; `"sgd"` has the paper's parameter groups.
        momentum: momentum of SGD.
        clip_norm: largest global norm of the gradient, over all devices; 0 disables clipping.
        partial_bn: whether to freeze all batch norms but the first (section 5.1.1).
        flips: which videos are mirrored: `"auto"`, `"all"`, `"none"`, or the path of a file; see
            `tsm_tf.data.flips.choose_flips`.
        drop_last: whether to leave out the last step of an epoch if it has fewer clips.
        streams: trains on windows of streams, made in this way, with a loss on each frame; None
            trains on clips. `batch_size` then counts windows.
        clip_epochs: epochs on clips before those on streams, with as many frames per step.
        accumulate: steps whose gradients are summed for one update of `accumulate * batch_size`
            clips.
        seed: determines the weights, the order, the crops and the flips.

    Raises:
        InputError: an unknown choice, a number out of range, or settings that exclude each other.
    """

    model: ModelSpec
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    initial_weights: str | None = None
    warmup_epochs: float = 0
    warmup_rate: float = 0.0
    schedule: str = "step"
    decay_epochs: tuple[int, ...] = ()
    augmentation: AugmentationSettings = AugmentationSettings()  # noqa: RUF009 (frozen)
    optimizer: str = "sgd"
    momentum: float = 0.9
    clip_norm: float = 20.0
    partial_bn: bool = False
    flips: str = "auto"
    drop_last: bool = True
    streams: StreamSampling | None = None
    clip_epochs: int = 0
    accumulate: int = 1
    seed: int = 0

    def __post_init__(self):
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise InputError(name, "must be at least 1", getattr(self, name))
        if not 0 < self.learning_rate < math.inf:
            raise InputError("learning_rate", "must be positive", self.learning_rate)
        for name in ("weight_decay", "warmup_epochs", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(name, "must be a number of at least 0", getattr(self, name))
        if self.warmup_epochs and self.schedule == "cosine_per_epoch":
            rule = "must be 0 with cosine_per_epoch, which has no warm-up"
            raise InputError("warmup_epochs", rule, self.warmup_epochs)
        if self.clip_epochs < 0 or (self.clip_epochs and not self.streams):
            rule = "must be at least 0, and 0 for a recipe without streams"
            raise InputError("clip_epochs", rule, self.clip_epochs)
        self.augmentation.check_modality(self.model.modality)
        if self.streams:
            self._check_streams()
        if not 0 <= self.seed < 2**32:
            raise InputError("seed", "must be from 0 to 2**32 - 1", self.seed)

    def _check_streams(self):
        self.model.check_streamable()
        if self.model.modality != "rgb":
            raise InputError("modality", "must be rgb to train on streams", self.model.modality)
        for name in ("mixup", "cutmix"):
            value = getattr(self.augmentation, name)
            if value:
                raise InputError(name, "must be 0 to train on streams", value)

    def replace(self, **changes) -> "Recipe":
        """Returns a recipe with some values changed, checked again.

        Args:
            **changes: values of the recipe or, by the same names, of its model, its streams and
                its augmentation.
                Another backbone resets `width`, and another number of epochs moves `decay_epochs`
                in proportion, unless they are given too.

        Raises:
            InputError: a value of streams for a recipe without them, or a bad value.
        """
        own, of_model, of_streams, of_augmentation = {}, {}, {}, {}
        for name, value in changes.items():
            if name in _OWN:
                own[name] = value
            elif name in STREAM_FIELDS:
                of_streams[name] = value
            elif name in AUGMENTATION_FIELDS:
                of_augmentation[name] = value
            else:
                of_model[name] = value
        if of_augmentation:
            settings = own.get("augmentation", self.augmentation)
            own["augmentation"] = dataclasses.replace(settings, **of_augmentation)
        if of_streams:
            own["streams"] = _change_streams(own.get("streams", self.streams), of_streams)
        if of_model:
            own["model"] = _change_model(own.get("model", self.model), of_model)
        if own.get("epochs", self.epochs) != self.epochs:
            decay = tuple(round(e * own["epochs"] / self.epochs) for e in self.decay_epochs)
            own.setdefault("decay_epochs", decay)
        return dataclasses.replace(self, **own)

    def clip_stage(self) -> "Recipe":
        """Returns the recipe of the epochs on clips, with as many frames per step.

        A recipe without streams, or without such epochs, has none.
        """
        assert self.streams and self.clip_epochs
        frames = self.batch_size * self.streams.window
        return dataclasses.replace(
            self,
            streams=None,
            epochs=self.clip_epochs,
            clip_epochs=0,
            batch_size=max(1, frames // self.model.num_segments),
        )


_OWN = {field.name for field in dataclasses.fields(Recipe)}
STREAM_FIELDS = tuple(field.name for field in dataclasses.fields(StreamSampling))


def _change_streams(streams, changes):
    if streams is None:
        name, value = next(iter(changes.items()))
        raise InputError(name, "must be given only for a recipe that trains on streams", value)
    return dataclasses.replace(streams, **changes)


def _change_model(model, changes):
    if changes.get("backbone", model.backbone) != model.backbone:
        changes = {"width": 1.0, **changes}  # the recipe's width is meant for its own backbone
    # A spec has its preprocessing filled in; here it follows from the backbone and the modality.
    return model.replace(**{"mean": None, "std": None, "channel_order": None, **changes})


def quick(recipe: Recipe) -> Recipe:
    """Returns a variant that trains for about a minute: a small network and frames, two epochs.

    The network is the same with a third of the channels where it has a width, else a smaller one
    of its kind if there is one. The rest stays: the data set's layout, the parameter groups, the
    steps of the rate.
    """
    if recipe.streams:
        recipe = recipe.replace(window=8, clip_epochs=min(1, recipe.clip_epochs))
    decay_epochs = (1,) if recipe.decay_epochs else ()
    small = _small_model(recipe.model)
    return recipe.replace(model=small, batch_size=4, epochs=2, decay_epochs=decay_epochs)


def _small_model(model: ModelSpec) -> ModelSpec:
    """Returns a smaller spec with the same options, and the fewest frames and pixels it takes."""
    architecture = find_architecture(model.backbone)
    width = 0.35 if "width" in architecture.options else model.width

    used = {name for name, neutral in OPTIONS.items() if getattr(model, name) != neutral}
    for name in architecture.small:
        if used <= find_architecture(name).options:
            architecture = find_architecture(name)
            break
    backbone = model.backbone if architecture.is_family else architecture.name

    step = architecture.segment_step
    smallest, largest = architecture.sizes
    return model.replace(
        backbone=backbone,
        width=width,
        num_segments=math.ceil(4 / step) * step,
        input_size=min(max(64, smallest), largest),
    )


def linear_scaling(recipe: Recipe, reference: Recipe) -> Recipe:
    """Returns a recipe whose rate is proportional to its clips per update (Goyal et al.).

    The rate rises from the reference's rate over the first five epochs, or over the first half if
    there are fewer than ten.

    Args:
        recipe: the recipe to scale.
        reference: the recipe whose rate and batch size belong together.
    """
    factor = recipe.batch_size * recipe.accumulate / reference.batch_size
    rate = reference.learning_rate * factor
    if factor <= 1:
        return recipe.replace(learning_rate=rate)
    return recipe.replace(
        learning_rate=rate,
        warmup_epochs=min(SCALING_WARMUP_EPOCHS, recipe.epochs / 2),
        warmup_rate=reference.learning_rate,
    )
