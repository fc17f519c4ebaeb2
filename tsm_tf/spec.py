"""`ModelSpec`: every choice that makes a model. It travels with the weights, from training to the phone."""

import dataclasses
import json
import math
from collections.abc import Mapping

from tsm_tf.errors import InputError

NARROWEST_SHIFT = {
    "resnet18": 64,
    "resnet34": 64,
    "resnet50": 64,
    "resnet101": 64,
    "resnet152": 64,
    "mobilenet_v2": 24,
}
"""Each backbone, with the channels of its narrowest shifted layer at width 1 (a test holds them to the models)."""

KERAS = "keras"
"""`keras:NAME` is a network of `keras.applications`; `keras` alone is one that `ModelSpec.network` describes."""

PREPROCESSING = {
    # mode of keras.applications: (mean, std, channel order), of RGB scaled to 0..1
    "none": ((0.0,) * 3, (1 / 255,) * 3, "rgb"),  # the network takes 0..255
    "tf": ((0.5,) * 3, (0.5,) * 3, "rgb"),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "rgb"),
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "bgr"),
}
APPLICATIONS = {
    # how the names begin: mode of preprocessing
    "ConvNeXt": "none",
    "DenseNet": "torch",
    "EfficientNet": "none",
    "Inception": "tf",
    "MobileNet": "tf",
    "MobileNetV3": "none",
    "NASNet": "tf",
    "ResNet": "caffe",
    **dict.fromkeys(("ResNet50V2", "ResNet101V2", "ResNet152V2"), "tf"),
    "VGG": "caffe",
    "Xception": "tf",
}
CHANNEL_ORDERS = ("rgb", "bgr")

NON_LOCAL_BACKBONES = ("resnet34", "resnet50", "resnet101", "resnet152")
SHIFT_MODES = ("bidirectional", "unidirectional", "none")
SHIFT_PLACES = ("blockres", "block")

MODALITIES = {
    # name: (channels, mean, std), of values scaled to 0..1; flow is 5 frames of (x, y) stored with 128 as zero.
    "rgb": (3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "flow": (10, (0.5,) * 10, (0.226,) * 10),
}


def round_channels(channels: float, divisor: int = 8) -> int:
    """MobileNetV2's rule: the nearest multiple of `divisor`, at least `divisor`, never below 90% of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A TSM model, fully described; immutable, checked when made, and the same in JSON.

    Args:
        backbone: `"mobilenet_v2"`; `"resnet18"`, `34`, `50`, `101`, `152`; `"keras:EfficientNetB0"` or any other of
            `keras.applications`; `"keras"`, a network of the user's (`retrofit` makes such a spec).
        num_classes: size of the logits.
        labels: class names in the order of the logits, or None.
        num_segments: frames per clip, T in the paper.
        input_size: height and width of a frame in pixels.
        width: channel multiplier of MobileNets; 1.0 for the others.
        shift_mode: `"bidirectional"` (offline, section 4.1), `"unidirectional"` (online, section 4.2), `"none"` (TSN).
        shift_div: one `shift_div`-th of the channels moves in each direction (section 3.3.1; the paper's default is 8).
        shift_place: `"blockres"` shifts inside the residual branch, `"block"` in place, before the block (Fig. 3).
        modality: `"rgb"`, or `"flow"` (10 channels: x and y of 5 frames).
        non_local: adds non-local blocks (Table 3, NL R-50).
        temporal_pool: halves the segments before the second ResNet stage.
        dropout: rate before the classifier, in training.
        fps: frames per second of the clips that it was trained on, hence the rate to stream at; None if unknown.
        mean, std: per channel, of values scaled to 0..1; None takes the backbone's or modality's.
        channel_order: in which the network takes the normalised channels of RGB frames, `"rgb"` or `"bgr"`; None takes
            the backbone's.
        network: Keras' JSON of the 2D network, for the backbone `"keras"` only.
        shift_layers: names of the layers whose input is shifted; None: the first of each residual branch.

    Raises:
        InputError: a choice that cannot be built, with the argument, the rule and what was received.
    """

    backbone: str = "mobilenet_v2"
    num_classes: int = 27
    labels: tuple[str, ...] | None = None
    num_segments: int = 8
    input_size: int = 224
    width: float = 1.0
    shift_mode: str = "unidirectional"
    shift_div: int = 8
    shift_place: str = "blockres"
    modality: str = "rgb"
    non_local: bool = False
    temporal_pool: bool = False
    dropout: float = 0.5
    fps: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channel_order: str | None = None
    network: str | None = None
    shift_layers: tuple[str, ...] | None = None

    def __post_init__(self):
        if not isinstance(self.backbone, str) or not (
            self.backbone in NARROWEST_SHIFT or self.is_keras
        ):
            known = (*NARROWEST_SHIFT, KERAS, *(f"{KERAS}:{name}..." for name in APPLICATIONS))
            raise InputError("backbone", f"must be one of {', '.join(known)}", self.backbone)
        for name, choices in (
            ("shift_mode", SHIFT_MODES),
            ("shift_place", SHIFT_PLACES),
            ("modality", MODALITIES),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise InputError(name, f"must be one of {', '.join(choices)}", value)
        mean, std, order = self._default_preprocessing()
        object.__setattr__(self, "channel_order", self.channel_order or order)
        for name, default in (
            ("labels", None),
            ("mean", mean),
            ("std", std),
            ("shift_layers", None),
        ):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple, type(None))):
                raise InputError(name, "must be a list or None", value)
            object.__setattr__(self, name, default if value is None else tuple(value))
        if self.channel_order not in CHANNEL_ORDERS:
            raise InputError(
                "channel_order", f"must be one of {', '.join(CHANNEL_ORDERS)}", self.channel_order
            )
        self._check_numbers()
        self._check_per_channel()
        self._check_labels()
        self._check_structure()

    def _default_preprocessing(self):
        if not self.is_keras or self.modality != "rgb":
            return *MODALITIES[self.modality][1:], "rgb"
        name = self.backbone.partition(":")[2]
        return PREPROCESSING[APPLICATIONS[_longest_prefix(name)] if name else "none"]

    def _check_numbers(self):
        for name, smallest in (
            ("num_classes", 1),
            ("num_segments", 1),
            ("input_size", 32),
            ("shift_div", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
                raise InputError(name, f"must be an integer of at least {smallest}", value)
        for name in ("non_local", "temporal_pool"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(name, "must be true or false", getattr(self, name))
        _check_real("width", self.width, lambda v: v > 0, "must be a positive number")
        _check_real(
            "dropout",
            self.dropout,
            lambda v: 0 <= v < 1,
            "must be a number of at least 0 and below 1",
        )
        if self.fps is not None:
            _check_real("fps", self.fps, lambda v: v > 0, "must be a positive number or None")

    def _check_per_channel(self):
        for name in ("mean", "std"):
            value = getattr(self, name)
            if len(value) != self.channels:
                raise InputError(
                    name,
                    f"must have {self.channels} values, one per channel of {self.modality}",
                    value,
                )
            for v in value:
                _check_real(name, v, lambda v: True, "must hold finite numbers")
        for v in self.std:
            _check_real("std", v, lambda v: v > 0, "must hold positive numbers")

    def _check_labels(self):
        if self.labels is None:
            return
        if len(self.labels) != self.num_classes:
            raise InputError(
                "labels", f"must have num_classes={self.num_classes} names", self.labels
            )
        if not all(isinstance(label, str) and label for label in self.labels):
            raise InputError("labels", "must be texts that are not empty", self.labels)
        if len(set(self.labels)) != len(self.labels):
            raise InputError("labels", "must all differ", self.labels)

    def _check_structure(self):
        is_resnet = self.backbone.startswith("resnet")
        if self.width != 1 and not self.backbone.startswith(("mobilenet", f"{KERAS}:MobileNet")):
            raise InputError(
                "width",
                f"must be 1.0 for {self.backbone}: only MobileNets have a width",
                self.width,
            )
        if (self.network is None) == (self.backbone == KERAS):
            rule = f"must be the Keras JSON of a 2D network for the backbone {KERAS}, and None for the others"
            raise InputError("network", rule, self.network)
        if self.is_keras and self.shift_place != "blockres":
            raise InputError(
                "shift_place", f"must be blockres for {self.backbone}", self.shift_place
            )
        if self.shift_layers is not None and not self.is_keras:
            raise InputError("shift_layers", f"must be None for {self.backbone}", self.shift_layers)
        if self.temporal_pool and not is_resnet:
            raise InputError(
                "temporal_pool",
                f"must be false for {self.backbone}: it comes before a ResNet's layer2",
                True,
            )
        if self.temporal_pool and self.num_segments % 2:
            raise InputError(
                "num_segments",
                "must be even with temporal_pool, which halves it",
                self.num_segments,
            )
        if self.non_local and self.backbone not in NON_LOCAL_BACKBONES:
            raise InputError(
                "non_local",
                f"must be false unless backbone is one of {NON_LOCAL_BACKBONES}",
                self.backbone,
            )
        if self.shift_mode == "bidirectional" and self.shift_div < 2:
            raise InputError(
                "shift_div", "must be at least 2 to shift in both directions", self.shift_div
            )
        if (
            self.shift_mode == "none" or self.is_keras
        ):  # whose channels are known when the network is built
            return
        channels = NARROWEST_SHIFT[self.backbone]
        channels = channels if is_resnet else round_channels(channels * self.width)
        if self.shift_div > channels:
            rule = f"must be at most {channels}, the channels of {self.backbone}'s narrowest shifted layer"
            raise InputError("shift_div", rule, self.shift_div)

    @property
    def is_keras(self) -> bool:
        """Whether the backbone is a Keras network instead of one of this project's."""
        kind, _, name = self.backbone.partition(":")
        return kind == KERAS and (not name or _longest_prefix(name) is not None)

    @property
    def normalises_itself(self) -> bool:
        """Whether the network takes RGB in 0..255 as it is."""
        return (
            set(self.mean) == {0.0} and set(self.std) == {1 / 255} and self.channel_order == "rgb"
        )

    @property
    def channels(self) -> int:
        """Channels of one input frame: 3 (RGB) or 10 (flow)."""
        return MODALITIES[self.modality][0]

    @property
    def short_side(self) -> int:
        """Pixels that a video's shorter side is resized to before the crop of `input_size` (256 for 224)."""
        return self.input_size * 256 // 224

    def check_streamable(self) -> None:
        """Refuses what cannot run one frame at a time: weights that saw the future, blocks that need the whole clip.

        Raises:
            InputError: naming the argument that would have to be another.
        """
        if self.shift_mode == "bidirectional":
            rule = "must be unidirectional or none to stream: bidirectional weights use frames yet to come (section 4.2)"
            raise InputError("shift_mode", rule, self.shift_mode)
        for name in ("non_local", "temporal_pool"):
            if getattr(self, name):
                raise InputError(
                    name, "must be false to stream: it needs the frames of the whole clip", True
                )

    def replace(self, **changes) -> "ModelSpec":
        """Returns a spec with some choices changed, checked again; an unknown name is refused."""
        return self.from_dict({**dataclasses.asdict(self), **changes})

    @classmethod
    def from_dict(cls, values: Mapping) -> "ModelSpec":
        """Returns the spec of a mapping from names to values; missing names take their defaults, unknown ones fail."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(
                "ModelSpec", f"has the keys {', '.join(sorted(known))} and no others", unknown
            )
        return cls(**values)

    def to_json(self) -> str:
        """Returns the spec as a JSON object, one key a line."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Returns the spec that `to_json` wrote.

        Raises:
            InputError: not JSON, not an object, an unknown key, or a choice that cannot be built.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError("spec", f"must be JSON ({error})", text[:80]) from None
        if not isinstance(values, dict):
            raise InputError("spec", "must be a JSON object", values)
        return cls.from_dict(values)


def _longest_prefix(name):
    return max(
        (prefix for prefix in APPLICATIONS if name.startswith(prefix)), key=len, default=None
    )


def _check_real(name, value, holds, rule):
    real = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not (real and holds(value)):
        raise InputError(name, rule, value)
