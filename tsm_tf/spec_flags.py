"""Command-line flags for the fields of `ModelSpec`, defined once for all commands."""

from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from tsm_tf.catalogue import known_backbones
from tsm_tf.relations import CONSENSUS
from tsm_tf.spec import MODALITIES, SAMPLING_RATES, SHIFT_MODES, SHIFT_PLACES


def _choice(choices: Sequence[str]) -> Callable:
    def define(name: str, text: str) -> None:
        flags.DEFINE_enum(name, None, list(choices), text)

    return define


def _string(name: str, text: str) -> None:
    flags.DEFINE_string(name, None, text)


def _integer(name: str, text: str) -> None:
    flags.DEFINE_integer(name, None, text)


def _number(name: str, text: str) -> None:
    flags.DEFINE_float(name, None, text)


def _switch(name: str, text: str) -> None:
    flags.DEFINE_bool(name, None, text)


_FLAGS = {
    # field: how its flag is defined, and its help
    "backbone": (_string, f"Network: {known_backbones()}."),
    "num_classes": (_integer, "Number of classes."),
    "num_segments": (_integer, "Frames per clip."),
    "input_size": (_integer, "Height and width of a frame in pixels."),
    "width": (_number, "Channel multiplier of MobileNets and BNInception."),
    "shift_mode": (_choice(SHIFT_MODES), "Direction of the shift; none is TSN."),
    "shift_div": (_integer, "1/shift_div of the channels move in each direction."),
    "shift_place": (_choice(SHIFT_PLACES), "Shift in the residual branch, or before the block."),
    "modality": (_choice(MODALITIES), "Input: RGB frames or optical flow."),
    "non_local": (_switch, "Add non-local blocks."),
    "temporal_pool": (_switch, "Halve the number of segments after the first ResNet stage."),
    "consensus": (
        _choice(CONSENSUS),
        "Average the logits of frames, or compare frames by temporal relations (TRN).",
    ),
    "sampling_rate": (
        _choice(SAMPLING_RATES),
        "Choose frames by number, as the original does (native), or by time, as a stream does "
        "(constant); they differ if a video's rate varies.",
    ),
    "dropout": (_number, "Dropout rate before the classifier."),
}
FIELDS = tuple(_FLAGS)


def define(names: Sequence[str] = FIELDS, note: str = "") -> None:
    """Defines one flag per field, without a default.

    Args:
        names: fields of `ModelSpec`, in `FIELDS`.
        note: added to the help of each flag, such as where its default comes from.
    """
    for name in names:
        define_flag, text = _FLAGS[name]
        define_flag(name, f"{text} {note}".strip())


def read(names: Sequence[str] = FIELDS) -> dict[str, Any]:
    """Returns the values of the flags that were given, by field; call it in `main` only."""
    values = {name: flags.FLAGS[name].value for name in names}
    return {name: value for name, value in values.items() if value is not None}
