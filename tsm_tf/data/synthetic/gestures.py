"""Gestures to learn from and to test with: a drawn hand, nine classes after Jester's."""

import numpy as np

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


def gesture_frames(
    label: int, seed: tuple[int, ...], reverse: bool = False
) -> tuple[np.ndarray, int]:
    """Draws one clip.

    Args:
        label: index into `LABELS`.
        seed: numbers that decide everything else about the clip.
        reverse: plays it backwards, which makes it a clip of the pair's other class.

    Returns:
        `uint8 [num_frames, 84, 112, 3]` RGB, and its frames per second.
    """
    from tsm_tf.data.synthetic.scene import Scene

    rng = np.random.default_rng(seed)
    num_frames = _num_frames(rng)
    fps = int(rng.choice((12, 15, 20, 24)))
    scene = Scene(rng, num_frames)
    pose = _poses(label, rng, num_frames)
    frames = np.stack([scene.draw(t, *pose[t]) for t in range(num_frames)])
    return (frames[::-1] if reverse else frames), fps


def _num_frames(rng):
    """Draws a clip's length: the first thing drawn, so that a list file can be written without the clip."""
    return int(rng.integers(24, 41))


def _poses(label, rng, num_frames):
    """Returns per frame the hand's x and y (fractions of the frame), size (of the height), angle (degrees)."""
    begin, end = rng.uniform(0, 0.2, 2)
    phase = np.clip((np.linspace(0, 1, num_frames) - begin) / (1 - begin - end), 0, 1)
    phase = phase * phase * (3 - 2 * phase)  # hands speed up and slow down
    if label % 2 and label < 8:
        phase = phase[::-1]  # the pair's other class
    sweep = 2 * phase - 1
    x, y = rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)
    size, angle = rng.uniform(0.42, 0.6), rng.uniform(-25, 25)
    still = np.zeros(num_frames)
    jitter = rng.normal(0, 0.008, (3, num_frames))
    pose = {"x": x + still, "y": y + still, "size": size + still, "angle": angle + still}
    kind = label // 2
    if kind == 0:
        pose["x"] = x - rng.uniform(0.2, 0.32) * sweep
    elif kind == 1:
        pose["y"] = y - rng.uniform(0.18, 0.3) * sweep
    elif kind == 2:
        pose["size"] = size * np.exp(rng.uniform(0.3, 0.5) * sweep)
    elif kind == 3:
        pose["angle"] = angle + rng.uniform(40, 75) * sweep
    else:
        pose["size"] = pose["size"] * (0 if rng.random() < 0.25 else 1)  # nobody there
        drift = (
            rng.uniform(-0.1, 0.1, 2) if rng.random() < 0.5 else (0, 0)
        )  # in a loop, to where it began
        pose["x"] = x + drift[0] * np.sin(2 * np.pi * phase)
        pose["y"] = y + drift[1] * (1 - np.cos(2 * np.pi * phase))
    columns = (
        pose["x"] + jitter[0],
        pose["y"] + jitter[1],
        pose["size"] * (1 + jitter[2]),
        pose["angle"],
    )
    return np.stack(columns, axis=1)
