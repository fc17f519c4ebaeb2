"""Gestures to learn from and to test with: a drawn hand, nine classes modelled on Jester's.

The classes come in pairs that are time reversals of each other: a `Swiping Left` played backwards
is a `Swiping Right`. The start, the speed, the background and everything else are drawn from the
same distributions in both directions, so a single frame cannot distinguish the two. A network
that averages its frames can at best recognise the pairs, which is right for 5 clips out of 9. A
network with a temporal shift can recognise all of them.
"""

from collections.abc import Sequence

import numpy as np

from tsm_tf.data.synthetic.scene import Scene

LABELS = (
    "Swiping Left",
    "Swiping Right",
    "Swiping Up",
    "Swiping Down",
    "Zooming In With Full Hand",
    "Zooming Out With Full Hand",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "No gesture",
)
_NO_GESTURE = LABELS.index("No gesture")
_FRAMES_PER_SECOND = (12, 15, 20, 24)
_JITTER = 0.008


def gesture_frames(
    label: int, seed: Sequence[int], reverse: bool = False
) -> tuple[np.ndarray, int]:
    """Draws one clip.

    Args:
        label: index into `LABELS`.
        seed: numbers that decide everything else about the clip.
        reverse: plays it backwards, which makes it a clip of the other class in its pair.

    Returns:
        RGB frames `uint8 [num_frames, 84, 112, 3]`, and the frames per second.
    """
    scene, poses, fps = gesture_scene(label, seed)
    frames = np.stack([scene.draw(t, *pose) for t, pose in enumerate(poses)])
    return (frames[::-1] if reverse else frames), fps


def gesture_scene(label: int, seed: Sequence[int]) -> tuple[Scene, np.ndarray, int]:
    """Returns what `gesture_frames` draws: the scene, `hand_poses`, and the frames per second."""
    rng = np.random.default_rng(seed)
    num_frames = _draw_num_frames(rng)
    fps = int(rng.choice(_FRAMES_PER_SECOND))
    scene = Scene(rng, num_frames)
    return scene, hand_poses(label, rng, num_frames), fps


def num_gesture_frames(seed: Sequence[int]) -> int:
    """Returns the number of frames of a clip, without drawing it."""
    return _draw_num_frames(np.random.default_rng(seed))


def hand_poses(label: int, rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Returns the pose of the hand in each frame of a clip.

    Args:
        label: index into `LABELS`.
        rng: decides the details.
        num_frames: number of frames.

    Returns:
        `float64 [num_frames, 4]`: x and y as fractions of the frame, the size as a fraction of
        the frame's height (0 for no hand), and the angle in degrees.
    """
    phase = _phase(label, rng, num_frames)
    sweep = 2 * phase - 1
    x, y = rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)
    size, angle = rng.uniform(0.42, 0.6), rng.uniform(-25, 25)
    jitter = rng.normal(0, _JITTER, (3, num_frames))

    if label == _NO_GESTURE:
        size = size * (0 if rng.random() < 0.25 else 1)  # sometimes there is no hand
        # The hand drifts in a loop and ends where it started.
        drift = rng.uniform(-0.1, 0.1, 2) if rng.random() < 0.5 else (0, 0)
        x = x + drift[0] * np.sin(2 * np.pi * phase)
        y = y + drift[1] * (1 - np.cos(2 * np.pi * phase))
    elif label < 2:
        x = x - rng.uniform(0.2, 0.32) * sweep
    elif label < 4:
        y = y - rng.uniform(0.18, 0.3) * sweep
    elif label < 6:
        size = size * np.exp(rng.uniform(0.3, 0.5) * sweep)
    else:
        angle = angle + rng.uniform(40, 75) * sweep

    poses = np.empty((num_frames, 4))
    poses[:, 0] = x + jitter[0]
    poses[:, 1] = y + jitter[1]
    poses[:, 2] = size * (1 + jitter[2])
    poses[:, 3] = angle
    return poses


def _draw_num_frames(rng):
    # It is the first number drawn, so that a list file can be written without drawing the clip.
    return int(rng.integers(24, 41))


def _phase(label, rng, num_frames):
    """Returns how far the gesture is in each frame, from 0 to 1 or, for odd labels, back."""
    begin, end = rng.uniform(0, 0.2, 2)
    phase = np.clip((np.linspace(0, 1, num_frames) - begin) / (1 - begin - end), 0, 1)
    phase = phase * phase * (3 - 2 * phase)  # hands speed up and slow down
    return phase[::-1] if label % 2 and label != _NO_GESTURE else phase
