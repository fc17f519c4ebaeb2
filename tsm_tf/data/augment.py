"""Random changes of training clips."""

import dataclasses

import numpy as np

from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.data.colors import jitter_colors
from tsm_tf.data.crops import Box, choose_crop, mirror, resize_crop
from tsm_tf.data.randaugment import rand_augment

_FLIP_PROBABILITY = 0.5


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A random crop, a horizontal flip that changes the label where necessary, and colours.

    All frames of a video get the same change. MixUp and CutMix, which need a batch, are in
    `tsm_tf.data.mixing`.

    Args:
        settings: which changes, and how large.
        flip_targets: for each class the class of its mirrored clips, or None if they have no
            class; see `tsm_tf.data.flips`. None flips nothing.
        modality: what the clips show, `"rgb"` or `"flow"`. A flip also inverts the horizontal
            flow.

    Raises:
        InputError: the settings change colours, and the clips show optical flow.
    """

    settings: AugmentationSettings = AugmentationSettings()  # noqa: RUF009 (frozen)
    flip_targets: tuple[int | None, ...] | None = None
    modality: str = "rgb"

    def __post_init__(self):
        self.settings.check_modality(self.modality)

    def choose_box(
        self,
        width: int,
        height: int,
        input_size: int,
        rng: np.random.Generator,
    ) -> Box:
        """Returns the box to crop from frames of a given size; pixels are not needed.

        Args:
            width: width of the frames.
            height: height of the frames.
            input_size: height and width of the model's input.
            rng: makes all random choices.
        """
        return choose_crop(width, height, input_size, rng, self.settings, self.modality)

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
        height, width = frames.shape[1:3]
        w, h, x, y = self.choose_box(width, height, input_size, rng)
        return self.change_crop(frames[:, y : y + h, x : x + w], labels, input_size, rng)

    def change_crop(
        self,
        frames: np.ndarray,
        labels: np.ndarray,
        input_size: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Resizes and flips a crop, and changes its colours.

        Args:
            frames: `uint8 [T, h, w, C]`, the pixels of the box from `choose_box`.
            labels: see `apply_to_stream`.
            input_size: height and width of the result.
            rng: the generator that chose the box.
        """
        frames = resize_crop(frames, input_size)
        mirrored = self.choose_mirror(labels, rng)
        if mirrored is not None:
            frames, labels = mirror(frames, self.modality), mirrored

        settings = self.settings
        if any(settings.color_jitter):
            frames = jitter_colors(frames, settings.color_jitter, rng)
        if settings.randaugment_ops:
            number, magnitude = settings.randaugment_ops, settings.randaugment_magnitude
            frames = rand_augment(frames, number, magnitude, rng)

        return frames, labels

    def choose_mirror(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Returns the classes of mirrored frames, or None to leave the frames as they are.

        This is the first random choice of `change_crop`.

        Args:
            labels: see `apply_to_stream`.
            rng: makes the choice.
        """
        targets = {label: self._target(label) for label in np.unique(labels).tolist()}
        if None in targets.values() or rng.random() >= _FLIP_PROBABILITY:
            return None
        return np.array([targets[label] for label in labels.tolist()])

    def _target(self, label):
        if self.flip_targets is None:
            return None
        return self.flip_targets[label] if label >= 0 else label
