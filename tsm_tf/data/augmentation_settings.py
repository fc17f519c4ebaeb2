"""How training clips are changed: plain values, shared by recipes, flags and the code.

This module imports neither numpy nor OpenCV, so that commands can check their flags before they
load anything.
"""

import dataclasses
import math
from collections.abc import Sequence

from tsm_tf.errors import InputError

MULTI_SCALE, RANDOM_RESIZED, SCALE_JITTER = "multi_scale", "random_resized", "scale_jitter"
CROPS = (MULTI_SCALE, RANDOM_RESIZED, SCALE_JITTER)

RGB_SCALES = (1, 0.875, 0.75, 0.66)
FLOW_SCALES = (1, 0.875, 0.75)
MAX_MAGNITUDE = 10
"""The largest magnitude of RandAugment, as in its paper."""

_MAX_OPERATIONS = 14
_MAX_ZOOM = 4
_MAX_ALPHA = 100


@dataclasses.dataclass(frozen=True)
class AugmentationSettings:
    """Random changes of training clips. All frames of a clip get the same change.

    Args:
        crop: one of `CROPS`.

            - `"multi_scale"`: the original's; width and height are one of `scales` each, at one
              of 13 fixed places (Wang et al. 2016).
            - `"random_resized"`: a box of random area, shape and place (Szegedy et al. 2015).
            - `"scale_jitter"`: a square at a random place, after the shorter side is scaled to a
              random size (Simonyan and Zisserman 2014; Feichtenhofer et al. 2019).
        scales: sides of the multi-scale crop, relative to the shorter side of the frame. None:
            `RGB_SCALES`, or `FLOW_SCALES` for optical flow, as in the original.
        crop_area: smallest and largest area of the random-resized crop, relative to the frame's.
        crop_aspect: smallest and largest width of it, relative to its height.
        zoom: smallest and largest shorter side for the scale jitter, relative to the input size;
            the default is 256 to 320 for an input size of 224.
        color_jitter: largest changes of brightness, contrast and saturation, relative to 1, and
            largest shift of the hue, relative to the colour circle.
        randaugment_ops: number of operations of RandAugment per clip (Cubuk et al. 2020); 0
            turns it off.
        randaugment_magnitude: their strength, from 0 to 10.
        mixup: alpha of MixUp (Zhang et al. 2018); 0 turns it off.
        cutmix: alpha of CutMix (Yun et al. 2019); 0 turns it off. With both, each clip gets one
            of the two, with the same probability.

    Raises:
        InputError: an unknown crop, or a number out of range.
    """

    crop: str = MULTI_SCALE
    scales: tuple[float, ...] | None = None
    crop_area: tuple[float, ...] = (0.08, 1.0)
    crop_aspect: tuple[float, ...] = (0.75, 1.3333)
    zoom: tuple[float, ...] = (1.143, 1.429)
    color_jitter: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    randaugment_ops: int = 0
    randaugment_magnitude: float = 9.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        for name in ("scales", "crop_area", "crop_aspect", "zoom", "color_jitter"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))

        if self.crop not in CROPS:
            raise InputError("crop", f"must be one of {', '.join(CROPS)}", self.crop)
        if self.scales is not None and (not self.scales or not _are_within(self.scales, 0.05, 1)):
            raise InputError("scales", "must be numbers from 0.05 to 1", self.scales)

        _check_range("crop_area", self.crop_area, 0.01, 1)
        _check_range("crop_aspect", self.crop_aspect, 0.1, 10)
        _check_range("zoom", self.zoom, 1, _MAX_ZOOM)
        self._check_colors()
        for name in ("mixup", "cutmix"):
            if not _are_within([getattr(self, name)], 0, _MAX_ALPHA):
                rule = f"must be a number from 0 to {_MAX_ALPHA}"
                raise InputError(name, rule, getattr(self, name))

    def _check_colors(self):
        jitter = self.color_jitter
        is_good = len(jitter) == 4 and _are_within(jitter[:3], 0, 1) and 0 <= jitter[3] <= 0.5
        if not is_good:
            rule = (
                "must be four numbers: brightness, contrast and saturation from 0 to 1, and hue "
                "from 0 to 0.5"
            )
            raise InputError("color_jitter", rule, jitter)

        ops, magnitude = self.randaugment_ops, self.randaugment_magnitude
        if not isinstance(ops, int) or not 0 <= ops <= _MAX_OPERATIONS:
            rule = f"must be an integer from 0 to {_MAX_OPERATIONS}"
            raise InputError("randaugment_ops", rule, ops)
        if not _are_within([magnitude], 0, MAX_MAGNITUDE):
            rule = f"must be a number from 0 to {MAX_MAGNITUDE}"
            raise InputError("randaugment_magnitude", rule, magnitude)

    @property
    def mixes(self) -> bool:
        """Whether clips are mixed with others of their batch, and labels are soft."""
        return bool(self.mixup or self.cutmix)

    def scales_of(self, modality: str) -> tuple[float, ...]:
        """Returns the scales of the multi-scale crop for a modality of `ModelSpec`."""
        if self.scales is not None:
            return self.scales
        return FLOW_SCALES if modality == "flow" else RGB_SCALES

    def check_modality(self, modality: str) -> None:
        """Raises if the settings change colours, and a model takes optical flow.

        Raises:
            InputError: names the setting.
        """
        if modality == "rgb":
            return
        if any(self.color_jitter):
            raise InputError("color_jitter", f"must be 0,0,0,0 for {modality}", self.color_jitter)
        if self.randaugment_ops:
            raise InputError("randaugment_ops", f"must be 0 for {modality}", self.randaugment_ops)


AUGMENTATION_FIELDS = tuple(field.name for field in dataclasses.fields(AugmentationSettings))


def _are_within(values: Sequence[float], smallest: float, largest: float) -> bool:
    return all(
        isinstance(value, (int, float)) and math.isfinite(value) and smallest <= value <= largest
        for value in values
    )


def _check_range(name, value, smallest, largest):
    if len(value) != 2 or not _are_within(value, smallest, largest) or value[0] > value[1]:
        rule = f"must be two ascending numbers from {smallest} to {largest}"
        raise InputError(name, rule, value)
