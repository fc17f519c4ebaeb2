"""Random changes of training clips."""

import dataclasses

import numpy as np

from tsm_tf.data.crops import RGB_SCALES, multi_scale_crop

_FLIP_PROBABILITY = 0.5


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A multi-scale corner crop, and a horizontal flip that changes the label where necessary.

    Args:
        scales: sides of the crop, relative to the shorter side of the frame.
        flip_targets: for each class the class of its mirrored clips, or None if they have no
            class; see `tsm_tf.data.flips`. None flips nothing.
    """

    scales: tuple[float, ...] = RGB_SCALES
    flip_targets: tuple[int | None, ...] | None = None

    def apply(
        self,
        clip: np.ndarray,
        label: int,
        input_size: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, int]:
        """Returns a changed clip `uint8 [T, input_size, input_size, C]` and its class.

        Args:
            clip: `uint8 [T, H, W, C]`.
            label: class of the clip.
            input_size: height and width of the result.
            rng: makes all random choices.
        """
        clip = multi_scale_crop(clip, input_size, rng, self.scales)
        mirrored = self.flip_targets[label] if self.flip_targets else None

        if mirrored is not None and rng.random() < _FLIP_PROBABILITY:
            return np.ascontiguousarray(clip[:, :, ::-1]), mirrored
        return clip, label
