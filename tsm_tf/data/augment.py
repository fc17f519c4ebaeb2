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
        clip, labels = self.apply_to_stream(clip, np.array([label]), input_size, rng)
        return clip, int(labels[0])

    def apply_to_stream(
        self,
        frames: np.ndarray,
        labels: np.ndarray,
        input_size: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns changed frames of one video and their classes; all get the same change.

        Args:
            frames: `uint8 [T, H, W, C]`.
            labels: the class of each frame; negative for frames without one.
            input_size: height and width of the result.
            rng: makes all random choices.
        """
        frames = multi_scale_crop(frames, input_size, rng, self.scales)
        targets = {label: self._target(label) for label in np.unique(labels).tolist()}

        if None not in targets.values() and rng.random() < _FLIP_PROBABILITY:
            mirrored = np.array([targets[label] for label in labels.tolist()])
            return np.ascontiguousarray(frames[:, :, ::-1]), mirrored
        return frames, labels

    def _target(self, label):
        if self.flip_targets is None:
            return None
        return self.flip_targets[label] if label >= 0 else label
