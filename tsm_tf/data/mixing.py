"""MixUp and CutMix: clips of a batch, mixed in pairs, with labels that are mixed as exactly.

Clips 0 and 1 of a batch are a pair, then 2 and 3, and so on. An epoch is in random order, so pairs
are random, and each device holds whole pairs: the result does not depend on the number of devices.
What a clip gets from its partner depends on the seed, the epoch and the clip's index alone, so that
a resumed training mixes the same. Keras' `MixUp` and `CutMix` draw from a generator that counts
batches, and pair over the batch of one device.
"""

import dataclasses

import cv2
import numpy as np

_NO_REGION = (0, 0, 0, 0, 1)


@dataclasses.dataclass(frozen=True)
class Mixing:
    """Decides what a clip gets from its partner.

    Args:
        mixup: alpha of MixUp; 0 turns it off.
        cutmix: alpha of CutMix; 0 turns it off. With both, each clip gets one of them.
        seed: the source of all random choices, with the epoch and the video's index.
    """

    mixup: float
    cutmix: float
    seed: int

    def region(self, epoch: int, index: int, size: int) -> np.ndarray:
        """Returns where a clip is mixed with its partner, and the clip's own share there.

        Args:
            epoch: number of the epoch, from 0.
            index: index of the video in the list; negative for a clip that stays as it is.
            size: height and width of the clip.

        Returns:
            `float32 [5]`: top, bottom, left and right of the region in pixels, and the share: 0
            for CutMix, from 0 to 1 for MixUp, whose region is the whole frame.
        """
        if index < 0:
            return np.array(_NO_REGION, np.float32)

        rng = np.random.default_rng((self.seed, epoch, index, 1))  # 1: not as the clip's crop
        use_mixup = rng.random() < 0.5 if self.mixup and self.cutmix else bool(self.mixup)
        alpha = self.mixup if use_mixup else self.cutmix
        share = rng.beta(alpha, alpha)
        if use_mixup:
            return np.array([0, size, 0, size, share], np.float32)

        half = size * np.sqrt(1 - share) / 2
        center = rng.integers(size, size=2)
        (top, left), (bottom, right) = (
            np.clip(np.rint(center + offset), 0, size) for offset in (-half, half)
        )
        return np.array([top, bottom, left, right, 0], np.float32)


def mix_clips(
    clips: np.ndarray,
    labels: np.ndarray,
    regions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Mixes each clip of a batch with its partner. The last clip of an odd number stays as it is.

    Args:
        clips: `uint8 [B, T, S, S, C]`.
        labels: `float32 [B, num_classes]`, a probability per class.
        regions: `float32 [B, 5]`; see `Mixing.region`.

    Returns:
        The mixed clips, rounded to `uint8`, and their labels: the clip's own label has the share
        of the pixels that are its own.
    """
    mixed, targets = clips.copy(), labels.copy()
    area = clips.shape[2] * clips.shape[3]

    for one in range(len(clips) - len(clips) % 2):
        other = one ^ 1
        top, bottom, left, right = regions[one, :4].astype(int)
        share = float(regions[one, 4])
        if share == 1:
            continue

        box = np.s_[one, :, top:bottom, left:right]
        if share:
            mixed[box] = _blend(clips[box], clips[other, :, top:bottom, left:right], share)
        else:
            mixed[box] = clips[other, :, top:bottom, left:right]

        lost = (1 - share) * (bottom - top) * (right - left) / area
        targets[one] = (1 - lost) * labels[one] + lost * labels[other]

    return mixed, targets


def _blend(one, other, share):
    height = one.shape[0] * one.shape[1]
    flat = [np.ascontiguousarray(clip).reshape(height, -1) for clip in (one, other)]
    return cv2.addWeighted(flat[0], share, flat[1], 1 - share, 0).reshape(one.shape)
