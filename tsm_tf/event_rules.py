"""Rules that turn the probabilities of a stream into events; they travel with the model."""

import dataclasses
import math
from collections.abc import Mapping

from tsm_tf.errors import InputError

_RANGES = {
    # field: smallest, largest
    "smoothing_seconds": (0, 60),
    "open_probability": (0, 1),
    "close_probability": (0, 1),
    "min_seconds": (0, 60),
    "refractory_seconds": (0, 60),
}


@dataclasses.dataclass(frozen=True)
class EventRules:
    """When a gesture counts as an event; see `tsm_tf.evaluation.events.EventDecoder`.

    The defaults are those of a model whose rules were not fitted. `tsm_tf.evaluation.stream` fits
    them to a data set.

    Args:
        smoothing_seconds: time constant of the running mean of the probabilities; 0 for none.
        open_probability: an event needs a mean probability of at least this, in (0, 1].
        close_probability: the event is over once its mean probability is below this, which must
            not be above `open_probability`.
        min_seconds: how long the probability must stay high before the event is reported.
        refractory_seconds: no other event is reported for so long after one.

    Raises:
        InputError: a value that is not a number or is out of range.
    """

    smoothing_seconds: float = 0.2
    open_probability: float = 0.8
    close_probability: float = 0.3
    min_seconds: float = 0.1
    refractory_seconds: float = 0.3

    def __post_init__(self):
        for name, (smallest, largest) in _RANGES.items():
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (is_number and math.isfinite(value) and smallest <= value <= largest):
                raise InputError(name, f"must be from {smallest} to {largest}", value)
        if self.close_probability > self.open_probability:
            rule = f"must be at most open_probability={self.open_probability}"
            raise InputError("close_probability", rule, self.close_probability)

    @classmethod
    def from_json_object(cls, values: object) -> "EventRules":
        """Returns the rules of a JSON object; missing keys take their defaults.

        Raises:
            InputError: not an object, an unknown key, or a value out of range.
        """
        if not isinstance(values, Mapping) or not set(_RANGES).issuperset(values):
            raise InputError("events", f"must be an object with {sorted(_RANGES)} only", values)
        return cls(**values)
