"""`DetectorSpec`: the complete description of a video detector, stored with its weights."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from tsm_tf.catalogue import RGB_CHANNELS, find_architecture
from tsm_tf.errors import InputError
from tsm_tf.spec import CHANNEL_ORDERS, SHIFT_MODES, SHIFT_PLACES, ModelSpec
from tsm_tf.spec_checks import (
    DEFAULT_SHIFT_DIV,
    DETECTOR,
    KIND,
    check_choice,
    check_keys,
    check_labels,
    check_per_channel,
    read_object,
)

RFCN, FGFA = METHODS = ("rfcn", "fgfa")
AVERAGE, ALIGN = POOLINGS = ("average", "align")
STRIDES = (8, 16)
FGFA_FRAMES = 3  # per training sample: the current one, and two that are aggregated

_CHOICES = {
    "method": METHODS,
    "pooling": POOLINGS,
    "shift_mode": SHIFT_MODES,
    "shift_place": SHIFT_PLACES,
}
_INTEGERS = {
    "num_classes": (1, 10_000),
    "num_segments": (1, 65_536),
    "input_height": (32, 4096),
    "input_width": (32, 4096),
    "shift_div": (1, 4096),
    "feature_stride": (8, 16),
    "detector_channels": (2, 65_536),
    "detector_dilation": (1, 64),
    "bins": (1, 64),
    "num_candidates": (1, 1_000_000),
    "num_proposals": (1, 10_000),
    "max_detections": (1, 10_000),
    "flow_channels": (1, 1024),
    "window_radius": (1, 1000),
}
_NUMBERS = {
    "width": (0.01, 16),
    "proposal_iou": (0, 1),
    "detection_iou": (0, 1),
    "score_threshold": (0, 1),
    "fps": (1e-4, 1e4),
    "anchor_scales": (1e-3, 1e4),
    "anchor_ratios": (1e-3, 1e3),
}
_TUPLES = ("labels", "anchor_scales", "anchor_ratios", "mean", "std")


@dataclasses.dataclass(frozen=True)
class DetectorSpec:
    """A complete, immutable description of a video detector, checked when it is created.

    The defaults are those of the paper's R-FCN (section 6), as trained by the code of FGFA.

    Args:
        backbone: a 2D network in `tsm_tf.catalogue`, as in `ModelSpec`.
        num_classes: number of classes, without background.
        labels: class names in the order of their numbers, or None.
        num_segments: frames per training sample, T in the paper.
        input_height: height of the network's input in pixels. Frames are scaled with their aspect
            to fit, and padded at the bottom and right.
        input_width: its width.
        width: channel multiplier of MobileNets and BNInception; 1.0 for other networks.
        shift_mode: `"unidirectional"` (online), `"bidirectional"` (offline) or `"none"` (each frame
            on its own).
        shift_div: `1 / shift_div` of the channels move in each direction.
        shift_place: `"blockres"` or `"block"`, as in `ModelSpec`.
        method: `"rfcn"` (Dai et al. 2016), or `"fgfa"`, which also aggregates features of other
            frames along optical flow (Zhu et al. 2017).
        feature_stride: pixels per cell of the feature maps, 8 or 16; later strides of the backbone
            become dilation.
        detector_channels: channels behind the backbone. The first half is for the proposals, the
            second for the head.
        detector_dilation: dilation of the convolution that computes them.
        anchor_scales: sizes of the square anchor in units of the feature stride.
        anchor_ratios: height by width of the anchors.
        num_candidates: best anchors per frame that proposals are chosen from.
        num_proposals: regions per frame that the head classifies.
        proposal_iou: overlap from which on the worse of two proposals is dropped.
        bins: rows and columns of a position-sensitive region, k in the R-FCN paper.
        pooling: `"average"`, the mean over each bin as in the original; or `"align"`, the mean of
            2x2 bilinear samples per bin.
        score_threshold: lowest score of a detection.
        detection_iou: overlap from which on the worse of two detections of a class is dropped.
        max_detections: detections per frame.
        flow_channels: channels of FGFA's FlowNet after its first convolution, 64 in the original.
        window_radius: frames before and after each frame that FGFA aggregates when it detects.
        fps: frames per second of the training videos; None if unknown.
        mean: mean per channel, for values scaled to 0..1; empty: the backbone's.
        std: standard deviation per channel, as `mean`.
        channel_order: order in which the network expects the channels, `"rgb"` or `"bgr"`; empty:
            the backbone's.

    Raises:
        InputError: a value that cannot be built, with the argument, the rule and what was received.
    """

    backbone: str = "resnet101_v1"
    num_classes: int = 30
    labels: tuple[str, ...] | None = None
    num_segments: int = 8
    input_height: int = 600
    input_width: int = 1000
    width: float = 1.0
    shift_mode: str = "unidirectional"
    shift_div: int = DEFAULT_SHIFT_DIV
    shift_place: str = "blockres"
    method: str = RFCN
    feature_stride: int = 16
    detector_channels: int = 1024
    detector_dilation: int = 6
    anchor_scales: tuple[float, ...] = (8, 16, 32)
    anchor_ratios: tuple[float, ...] = (0.5, 1, 2)
    num_candidates: int = 6000
    num_proposals: int = 300
    proposal_iou: float = 0.7
    bins: int = 7
    pooling: str = AVERAGE
    score_threshold: float = 0.001
    detection_iou: float = 0.3
    max_detections: int = 300
    flow_channels: int = 64
    window_radius: int = 9
    fps: float | None = None
    mean: tuple[float, ...] = ()  # never empty after __post_init__
    std: tuple[float, ...] = ()
    channel_order: str = ""

    def __post_init__(self):
        self._set_defaults()
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        check_choice("channel_order", self.channel_order, CHANNEL_ORDERS)
        self._check_numbers()
        for name in ("mean", "std"):
            check_per_channel(name, getattr(self, name), RGB_CHANNELS)
        check_labels(self.labels, None, self.num_classes)
        for name, only in (("shift_mode", "none"), ("num_segments", FGFA_FRAMES)):
            if self.method == FGFA and getattr(self, name) != only:
                raise InputError(name, f"must be {only} for {FGFA}", getattr(self, name))
        if self.takes_clips:
            rule = "must be a network of frames to detect objects in each of them"
            raise InputError("backbone", rule, self.backbone)
        self.network_spec()

    def _set_defaults(self):
        mean, std, order = find_architecture(self.backbone).normalisation(RGB_CHANNELS)
        defaults = {"mean": mean, "std": std}
        for name in _TUPLES:
            value = getattr(self, name)
            if not isinstance(value, (list, tuple, type(None))):
                raise InputError(name, "must be a list", value)
            if name != "labels":
                value = value or defaults.get(name, ())
            object.__setattr__(self, name, None if value is None else tuple(value))
        object.__setattr__(self, "channel_order", self.channel_order or order)

    def _check_numbers(self):
        for name, (smallest, largest) in _INTEGERS.items():
            value = getattr(self, name)
            is_integer = isinstance(value, int) and not isinstance(value, bool)
            if not is_integer or not smallest <= value <= largest:
                rule = f"must be an integer from {smallest} to {largest}"
                raise InputError(name, rule, value)
        for name, (smallest, largest) in _NUMBERS.items():
            value = getattr(self, name)
            if name == "fps" and value is None:
                continue
            values = value if name in _TUPLES else (value,)
            if not values or not all(_is_number(x, smallest, largest) for x in values):
                what = "one or more numbers" if name in _TUPLES else "a number"
                raise InputError(name, f"must be {what} from {smallest:g} to {largest:g}", value)

        if self.feature_stride not in STRIDES:
            rule = f"must be one of {', '.join(map(str, STRIDES))}"
            raise InputError("feature_stride", rule, self.feature_stride)
        if self.detector_channels % 2:
            rule = "must be even: one half is for proposals, the other for the head"
            raise InputError("detector_channels", rule, self.detector_channels)

    @property
    def takes_clips(self) -> bool:
        """Whether the backbone sees whole clips, which a detector cannot use."""
        return find_architecture(self.backbone).takes == "clips"

    @property
    def num_anchors(self) -> int:
        """Anchors per cell of the feature maps."""
        return len(self.anchor_ratios) * len(self.anchor_scales)

    @property
    def num_detected(self) -> int:
        """Frames per sample in which objects are detected; FGFA: the first one only."""
        return 1 if self.method == FGFA else self.num_segments

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the feature maps."""
        stride = self.feature_stride
        return math.ceil(self.input_height / stride), math.ceil(self.input_width / stride)

    @property
    def normalises_itself(self) -> bool:
        """Whether the network takes RGB in 0..255 without any preprocessing."""
        is_neutral = set(self.mean) == {0.0} and set(self.std) == {1 / 255}
        return is_neutral and self.channel_order == "rgb"

    def network_spec(self) -> ModelSpec:
        """Returns the spec with which the catalogue's builder is called.

        Its `input_size` is the longer side; builders take the size of a frame from the frame.

        Raises:
            InputError: a value that the backbone does not support.
        """
        return ModelSpec(
            backbone=self.backbone,
            num_classes=self.num_classes,
            labels=self.labels,
            num_segments=self.num_segments,
            input_size=max(self.input_height, self.input_width),
            width=self.width,
            shift_mode=self.shift_mode,
            shift_div=self.shift_div,
            shift_place=self.shift_place,
            mean=self.mean,
            std=self.std,
            channel_order=self.channel_order,
        )

    def check_streamable(self) -> None:
        """Raises if the detector cannot run one frame at a time.

        Raises:
            InputError: its shift is bidirectional, or it aggregates features of later frames.
        """
        if self.method != RFCN:
            rule = f"must be {RFCN} to stream: {self.method} needs the frames that follow"
            raise InputError("method", rule, self.method)
        self.network_spec().check_streamable()

    def replace(self, **changes: Any) -> "DetectorSpec":
        """Returns a spec with some fields changed, checked again.

        Another backbone brings its own normalisation unless that is given.

        Raises:
            InputError: an unknown field, or a value that cannot be built.
        """
        if changes.get("backbone", self.backbone) != self.backbone:
            changes = {"mean": (), "std": (), "channel_order": "", **changes}
        return self.from_dict({**dataclasses.asdict(self), **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DetectorSpec":
        """Returns the spec with the given fields; missing ones take their defaults.

        Raises:
            InputError: an unknown field, or a value that cannot be built.
        """
        fields = {name: value for name, value in values.items() if name != KIND}
        check_keys(fields, {field.name for field in dataclasses.fields(cls)}, cls.__name__)
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields and the kind of model, as `from_dict` takes them."""
        return {KIND: DETECTOR, **dataclasses.asdict(self)}

    def to_json(self) -> str:
        """Returns the spec as a JSON object, one key per line."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "DetectorSpec":
        """Returns the spec that `to_json` wrote.

        Raises:
            InputError: not a JSON object, that of a classifier, an unknown field, or a value that
                cannot be built.
        """
        return cls.from_dict(read_object(text, DETECTOR))


def _is_number(value: Any, smallest: float, largest: float) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and smallest <= value <= largest
