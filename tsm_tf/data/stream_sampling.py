"""How the windows of a virtual stream are made; see `tsm_tf.data.windows`. Imports no numpy."""

import dataclasses

from tsm_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class StreamSampling:
    """How windows are made, and which of their frames count.

    Args:
        fps: frames per second of the stream.
        window: frames per window.
        pause_probability: probability that a gesture has a pause before it, and that a pause is
            followed by another one. Long pauses consist of several videos, so a model has to learn
            that the cut between two of them is no gesture.
        min_pause_seconds: shortest part of a video in a pause; the longest is the whole video.
        cut_probability: probability that a window starts in the middle of its first gesture.
        speed: smallest and largest factor by which videos are played faster.
        undecided_share: share of each gesture, from its start, that has weight 0, because
            it cannot be decided yet.
        max_cut: a first gesture of which more than this share is cut off has weight 0.
        pause_ignore_seconds: start of each pause that has weight 0.
        pause_weight: weight of the rest of each pause; that of gestures is 1.
        epoch_share: frames per epoch, relative to those of all training videos.

    Raises:
        InputError: a value out of range.
    """

    fps: float = 8.0
    window: int = 32
    pause_probability: float = 0.4
    min_pause_seconds: float = 0.5
    cut_probability: float = 0.7
    speed: tuple[float, float] = (1.0, 1.0)
    undecided_share: float = 0.2
    max_cut: float = 0.4
    pause_ignore_seconds: float = 0.25
    pause_weight: float = 0.7
    epoch_share: float = 0.5

    def __post_init__(self):
        for name in ("pause_probability", "cut_probability", "undecided_share", "max_cut"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(name, "must be from 0 to 1", getattr(self, name))
        for name in ("min_pause_seconds", "pause_ignore_seconds", "pause_weight"):
            if not 0 <= getattr(self, name) < 1000:
                raise InputError(name, "must be at least 0", getattr(self, name))
        for name in ("fps", "epoch_share"):
            if not 0 < getattr(self, name) < 1000:
                raise InputError(name, "must be positive", getattr(self, name))
        if self.window < 1:
            raise InputError("window", "must be at least 1", self.window)
        if not 0 < self.speed[0] <= self.speed[1] < 100:
            raise InputError("speed", "must be positive numbers in order", self.speed)
