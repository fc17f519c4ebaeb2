"""The views of a video that are scored: clips, and crops of each clip (section 5.1.1)."""

import dataclasses

import numpy as np

from tsm_tf.data import sampling
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

UNIFORM, TWICE, DENSE = SAMPLINGS = ("uniform", "twice", "dense")
CROPS = (1, 3, 5, 10)
DEFAULT_CLIPS = {UNIFORM: 1, TWICE: 2, DENSE: sampling.DENSE_CLIPS}
_CLIPS = {UNIFORM: range(1, 2), TWICE: range(2, 3), DENSE: range(2, 65)}


@dataclasses.dataclass(frozen=True)
class Views:
    """Which clips and crops of a video are scored; by default one centre clip, centre crop.

    Args:
        clips: clips per video: 1 with uniform sampling, 2 with twice, 2 to 64 with dense (10 in the
            paper).
        crops: crops per clip. 1: centre; 3: left, right and centre, or top, bottom and centre;
            5: corners and centre; 10: these five and their mirror images.
        sampling: one of `SAMPLINGS`: the centre of each segment; the centres, then the starts of
            the segments; or clips over 64 frames each, spread evenly over the video.
        full_resolution: crops have the size of the resized short side (256 for an input of 224)
            instead of the model's input size.

    Raises:
        InputError: an unknown sampling, or a number that it does not give.
    """

    clips: int = 1
    crops: int = 1
    sampling: str = UNIFORM
    full_resolution: bool = False

    def __post_init__(self):
        if self.sampling not in SAMPLINGS:
            raise InputError("sampling", f"must be one of {', '.join(SAMPLINGS)}", self.sampling)
        allowed = _CLIPS[self.sampling]
        if self.clips not in allowed:
            numbers = f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else str(allowed[0])
            raise InputError(
                "clips", f"must be {numbers} with {self.sampling} sampling", self.clips
            )
        if self.crops not in CROPS:
            raise InputError("crops", f"must be one of {', '.join(map(str, CROPS))}", self.crops)

    @property
    def count(self) -> int:
        """Views per video."""
        return self.clips * self.crops

    def sized(self, spec: ModelSpec) -> ModelSpec:
        """Returns the spec of a model that takes these views.

        At full resolution, the input becomes as large as the short side, which stays as it is. All
        other views keep the spec.

        Raises:
            InputError: dense clips of more than 64 frames.
        """
        if self.sampling == DENSE and spec.num_segments > sampling.DENSE_WINDOW:
            rule = f"must not be dense for clips of more than {sampling.DENSE_WINDOW} frames"
            raise InputError("sampling", rule, f"dense, num_segments={spec.num_segments}")
        if not self.full_resolution or spec.input_size == spec.short_side:
            return spec
        return spec.replace(input_size=spec.short_side, crop_pct=1.0)

    def choose_frames(self, num_frames: int, spec: ModelSpec) -> np.ndarray:
        """Returns the frame numbers of all clips of a video, one clip after the other.

        Returns:
            `int64 [clips * num_segments * n]`, with n consecutive frames per segment: 1, or 5 of
            optical flow.
        """
        length = sampling.new_length(spec.modality)
        if self.sampling == DENSE:
            starts = sampling.dense_indices(num_frames, spec.num_segments, self.clips)
        elif self.sampling == TWICE:
            starts = sampling.twice_indices(num_frames, spec.num_segments, length)
        else:
            starts = sampling.center_indices(num_frames, spec.num_segments, length)
        return sampling.consecutive(starts, num_frames, length)
