"""Rules that turn per-frame classes into the class to show. They travel in a file's metadata.

The rules are those of the original demo (`online_demo/main.py`). Python (`export.live.smoothing`)
and the Android app both read them from the file. They count steps; `SmoothingRules.at_rate` gives
them the original's duration at a model's frame rate.
"""

import dataclasses
from collections.abc import Mapping

from tsm_tf.errors import InputError

AVERAGED_STEPS = 12
REFRACTORY_STEPS = 1
_ORIGINAL_FPS = 15  # every second frame of a camera with 30 frames per second
_MAX_STEPS = 1000  # the app's limit


@dataclasses.dataclass(frozen=True)
class SmoothingRules:
    """How to smooth the predictions of a stream.

    Args:
        averaged_steps: number of steps over which logits are averaged; 1 uses the last step alone.
        refractory_steps: number of further steps for which a class stays after it has appeared.
        keep_last: classes that are not shown; the last shown class stays instead.
        same_as: classes that are shown as another class.

    Raises:
        InputError: a value of another type or range.
    """

    averaged_steps: int = AVERAGED_STEPS
    refractory_steps: int = REFRACTORY_STEPS
    keep_last: tuple[str, ...] = ()
    same_as: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, smallest in (("averaged_steps", 1), ("refractory_steps", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < smallest:
                raise InputError(name, f"must be an integer of at least {smallest}", value)

        if not isinstance(self.keep_last, (list, tuple)) or not _are_names(self.keep_last):
            raise InputError("keep_last", "must be a list of class names", self.keep_last)
        object.__setattr__(self, "keep_last", tuple(self.keep_last))

        if not isinstance(self.same_as, Mapping) or not _are_names(
            [*self.same_as, *self.same_as.values()]
        ):
            raise InputError("same_as", "must map class names to class names", self.same_as)

    def at_rate(self, fps: float | None) -> "SmoothingRules":
        """Returns rules for another frame rate that last as long as these do in the original demo.

        Args:
            fps: frames per second; None keeps the steps.
        """
        if fps is None:
            return self

        def scale(steps):
            return min(max(1, round(steps * fps / _ORIGINAL_FPS)), _MAX_STEPS)

        return dataclasses.replace(
            self,
            averaged_steps=scale(self.averaged_steps),
            refractory_steps=scale(self.refractory_steps) if self.refractory_steps else 0,
        )

    @classmethod
    def from_json_object(cls, values: Mapping) -> "SmoothingRules":
        """Returns the rules of a JSON object; missing keys take their defaults.

        Raises:
            InputError: not an object, an unknown key, or a value of another type or range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, Mapping) or not known.issuperset(values):
            raise InputError("smoothing", f"must be an object with {sorted(known)} only", values)
        return cls(**values)

    def to_json_object(self) -> dict:
        """Returns the rules as values that JSON can hold."""
        return {
            "averaged_steps": self.averaged_steps,
            "refractory_steps": self.refractory_steps,
            "keep_last": list(self.keep_last),
            "same_as": dict(self.same_as),
        }


def _are_names(values):
    return all(isinstance(value, str) for value in values)
