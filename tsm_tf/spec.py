"""`ModelSpec`: the complete description of a model, stored with its weights everywhere."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tsm_tf.catalogue import OPTIONS, find_architecture
from tsm_tf.errors import InputError
from tsm_tf.event_rules import EventRules
from tsm_tf.relations import AVERAGE, Relations, check_consensus
from tsm_tf.spec_checks import (
    DEFAULT_SHIFT_DIV,
    check_choice,
    check_integer,
    check_keys,
    check_labels,
    check_multi_label,
    check_network,
    check_number,
    check_options,
    check_per_channel,
    check_switch,
    read_object,
)

CHANNEL_ORDERS = ("rgb", "bgr")
INTERPOLATIONS = ("bilinear",)
SHIFT_MODES = ("bidirectional", "unidirectional", "none")
SHIFT_PLACES = ("blockres", "block")
NATIVE, CONSTANT = SAMPLING_RATES = ("native", "constant")

CHANNELS = {"rgb": 3, "flow": 10}
"""Channels of a frame by modality; flow is x and y of 5 frames, stored with 128 as zero."""

DEFAULT_THRESHOLD = 0.5
"""Probability from which on a multi-label model counts a class as present."""

MODALITIES = tuple(CHANNELS)
_MULTI_LABEL = ("multi_label", "thresholds")
_RELATIONS = ("consensus", "relations")
_CLIP = ("num_segments", "consensus")  # on which the relations depend
_CHOICES = {
    "shift_mode": SHIFT_MODES,
    "shift_place": SHIFT_PLACES,
    "modality": MODALITIES,
    "interpolation": INTERPOLATIONS,
    "sampling_rate": SAMPLING_RATES,
}
_BACKGROUND = ("No gesture", "Doing other things")  # in Jester
_OLD_NAMES = {"network": "keras_json"}  # in specs written before the field was renamed


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A complete, immutable description of a TSM model, checked when it is created.

    Args:
        backbone: a name in `tsm_tf.catalogue`: `"mobilenet_v2"`, `"resnet50"`, ...; `"keras:NAME"`
            for any network of `keras.applications`; `"keras"` for your own (see `retrofit`).
        num_classes: size of the logits.
        labels: class names in the order of the logits, or None.
        num_segments: frames per clip, T in the paper.
        input_size: height and width of a frame in pixels.
        width: channel multiplier of MobileNets and BNInception; 1.0 for other networks.
        shift_mode: `"bidirectional"` (offline, section 4.1), `"unidirectional"` (online,
            section 4.2), or `"none"` (TSN). By default unidirectional for networks of frames; those
            of clips cannot be shifted.
        shift_div: `1 / shift_div` of the channels move in each direction (section 3.3.1; the
            paper's default is 8).
        shift_place: `"blockres"` shifts inside the residual branch; `"block"` shifts in place,
            before the block (Fig. 3).
        modality: `"rgb"`, or `"flow"` (10 channels: x and y of 5 frames).
        non_local: add non-local blocks (Table 3, NL R-50).
        temporal_pool: halve the number of segments after the first ResNet stage.
        dropout: dropout rate before the classifier during training, in [0, 1).
        fps: frames per second to stream at, derived from the training clips; None if unknown.
        sampling_rate: what frames are chosen by: `"native"`, their numbers, as in the original; or
            `"constant"`, their times, as in a stream. They differ if a video's rate varies.
        background: names of the classes in which nothing happens; None: those of `labels` that are
            `"No gesture"` or `"Doing other things"`.
        events: when a gesture in a stream counts as an event; None for the default rules.
        consensus: how frames become one prediction: `"average"` of their logits; or temporal
            relations, `"trn"` or `"trn_multiscale"` (see `TemporalRelation`), behind any network of
            frames.
        relations: frame numbers of TRN-multiscale's relations in evaluation, three of each of T - 1
            to 2 frames, the longest first; None for the choice of `default_relations`.
        multi_label: whether a video may have several classes. The probability of a class is then
            the sigmoid of its logit, instead of the softmax over all of them.
        thresholds: for each class the probability from which on a multi-label model counts it as
            present; None: 0.5 for all classes.
        mean: mean per channel, for values scaled to 0..1; None uses the backbone's or modality's.
        std: standard deviation per channel, as `mean`.
        channel_order: order in which the network expects the channels of RGB frames, `"rgb"` or
            `"bgr"`; None uses the backbone's.
        interpolation: filter that resizes frames: `"bilinear"`, antialiased when shrinking.
        crop_pct: side of the centre crop relative to the resized short side, in (0, 1];
            0.875 is the paper's 224 of 256.
        keras_json: JSON from Keras that describes the 2D network; only for the backbone `"keras"`.
        shift_layers: names of the layers whose input is shifted; None: the first of each branch.

    Raises:
        InputError: a value that cannot be built, with the argument, the rule and what was received.
    """

    backbone: str = "mobilenet_v2"
    num_classes: int = 27
    labels: tuple[str, ...] | None = None
    num_segments: int = 8
    input_size: int = 224
    width: float = 1.0
    shift_mode: str = ""  # never empty after __post_init__
    shift_div: int = DEFAULT_SHIFT_DIV
    shift_place: str = "blockres"
    modality: str = "rgb"
    non_local: bool = False
    temporal_pool: bool = False
    dropout: float = 0.5
    fps: float | None = None
    sampling_rate: str = NATIVE
    background: tuple[str, ...] | None = None
    events: EventRules | None = None
    consensus: str = AVERAGE
    relations: Relations | None = None  # never None after __post_init__
    multi_label: bool = False
    thresholds: tuple[float, ...] | None = None
    mean: tuple[float, ...] = ()  # never empty after __post_init__
    std: tuple[float, ...] = ()
    channel_order: str = ""
    interpolation: str = "bilinear"
    crop_pct: float = 0.875
    keras_json: str | None = None
    shift_layers: tuple[str, ...] | None = None

    def __post_init__(self):
        find_architecture(self.backbone)
        if self.shift_mode == "":
            default = "none" if self.takes_clips else "unidirectional"
            object.__setattr__(self, "shift_mode", default)
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)

        self._set_defaults()
        if self.events is not None and not isinstance(self.events, EventRules):
            object.__setattr__(self, "events", EventRules.from_json_object(self.events))
        check_choice("channel_order", self.channel_order, CHANNEL_ORDERS)

        self._check_numbers()
        for name in ("mean", "std"):
            check_per_channel(name, getattr(self, name), self.channels)
        check_labels(self.labels, self.background, self.num_classes)
        only_others = {"background": self.background, "events": self.events}
        check_multi_label(self.multi_label, self.thresholds, self.num_classes, only_others)
        self._check_options()

    def _set_defaults(self):
        """Fills in the preprocessing and turns lists into tuples."""
        mean, std, order = find_architecture(self.backbone).normalisation(self.channels)
        defaults = {"mean": mean, "std": std}

        for name in ("labels", "background", "thresholds", "mean", "std", "shift_layers"):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple, type(None))):
                raise InputError(name, "must be a list or None", value)
            if value is None or (value == () and name in defaults):
                value = defaults.get(name)
            object.__setattr__(self, name, None if value is None else tuple(value))
        object.__setattr__(self, "channel_order", self.channel_order or order)

    def _check_numbers(self):
        for name in ("num_classes", "num_segments", "input_size", "shift_div"):
            check_integer(name, getattr(self, name))
        for name in ("non_local", "temporal_pool", "multi_label"):
            check_switch(name, getattr(self, name))
        for name in ("width", "dropout", "crop_pct"):
            check_number(name, getattr(self, name))
        if self.fps is not None:
            check_number("fps", self.fps)

    def _check_options(self):
        """Checks the fields that only some architectures have, and those that depend on others."""
        check_options(self.backbone, {name: getattr(self, name) for name in OPTIONS})
        sizes = (self.input_size, self.num_segments)
        check_network(self.backbone, *sizes, self.shift_mode, self.shift_div)
        if self.temporal_pool and self.num_segments % 2:
            rule = "must be even with temporal_pool, which halves it"
            raise InputError("num_segments", rule, self.num_segments)

        clip = (self.num_segments, self.takes_clips, self.temporal_pool)
        relations = check_consensus(self.consensus, self.relations, *clip)
        object.__setattr__(self, "relations", relations)

    @property
    def takes_clips(self) -> bool:
        """Whether the network sees whole clips at once, instead of single frames."""
        return find_architecture(self.backbone).takes == "clips"

    @property
    def class_thresholds(self) -> tuple[float, ...]:
        """The threshold of each class of a multi-label model."""
        return self.thresholds or (DEFAULT_THRESHOLD,) * self.num_classes

    @property
    def background_classes(self) -> tuple[int, ...]:
        """Indices of the classes in which nothing happens."""
        return tuple((self.labels or ()).index(label) for label in self.background_labels)

    @property
    def background_labels(self) -> tuple[str, ...]:
        """Names of the classes in which nothing happens, in the order of the labels."""
        names = _BACKGROUND if self.background is None else self.background
        return tuple(label for label in self.labels or () if label in names)

    @property
    def normalises_itself(self) -> bool:
        """Whether the network takes RGB in 0..255 without any preprocessing."""
        is_neutral = set(self.mean) == {0.0} and set(self.std) == {1 / 255}
        return is_neutral and self.channel_order == "rgb"

    @property
    def channels(self) -> int:
        """Channels of one input frame: 3 (RGB) or 10 (flow)."""
        return CHANNELS[self.modality]

    @property
    def short_side(self) -> int:
        """Pixels that a video's short side is resized to before the centre crop."""
        return int(self.input_size / self.crop_pct)

    def check_streamable(self) -> None:
        """Raises if the model cannot run one frame at a time.

        Raises:
            InputError: its shift is bidirectional, or a block needs the whole clip.
        """
        if self.takes_clips:
            rule = "must be a network of frames to stream, because 3D convolutions need whole clips"
            raise InputError("backbone", rule, self.backbone)
        if self.shift_mode == "bidirectional":
            rule = "must not be bidirectional to stream: bidirectional weights use future frames"
            raise InputError("shift_mode", rule, self.shift_mode)
        for name in ("non_local", "temporal_pool"):
            if getattr(self, name):
                rule = "must be false to stream, because it needs all frames of a clip"
                raise InputError(name, rule, True)
        if self.consensus != AVERAGE:
            rule = f"must be {AVERAGE} to stream, because relations compare the frames of a clip"
            raise InputError("consensus", rule, self.consensus)

    def replace(self, **changes) -> "ModelSpec":
        """Returns a spec with some fields changed, checked again.

        Unless they are given, `shift_mode` and `shift_div` are reset by a backbone of clips instead
        of frames, or the reverse; `relations` by another number of segments or another consensus.

        Raises:
            InputError: an unknown field, or a value that cannot be built.
        """
        backbone = changes.get("backbone", self.backbone)
        if find_architecture(backbone).takes != find_architecture(self.backbone).takes:
            changes = {"shift_mode": "", "shift_div": DEFAULT_SHIFT_DIV, **changes}
        if any(changes.get(name, getattr(self, name)) != getattr(self, name) for name in _CLIP):
            changes = {"relations": None, **changes}
        return self.from_dict({**dataclasses.asdict(self), **changes})

    @classmethod
    def from_dict(cls, values: Mapping) -> "ModelSpec":
        """Returns the spec with the given fields; missing ones take their defaults.

        Raises:
            InputError: an unknown field, or a value that cannot be built.
        """
        values = {_OLD_NAMES.get(name, name): value for name, value in values.items()}
        check_keys(values, {field.name for field in dataclasses.fields(cls)}, cls.__name__)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields, as `from_dict` takes them.

        Those of multi-label models and of temporal relations are left out of other specs, so that
        older versions read them.
        """
        values = dataclasses.asdict(self)
        unused = () if self.multi_label else _MULTI_LABEL
        for name in (*unused, *(() if self.consensus != AVERAGE else _RELATIONS)):
            del values[name]
        return values

    def to_json(self) -> str:
        """Returns the spec as a JSON object, one key per line."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Returns the spec that `to_json` wrote.

        Raises:
            InputError: not that of a classifier, an unknown field, or one that cannot be built.
        """
        return cls.from_dict(read_object(text))
