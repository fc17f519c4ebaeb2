"""Videos of another kind than the rendered gestures: bars and rings before natural backgrounds.

A recipe for streams should not be tuned to the rendered hand. Each class but the last is the time
reversal of another: a bar moves left or right, or falls to one side or the other; a ring grows or
shrinks. In the last class, a shape stands still, or there is none.
"""

import pathlib

import cv2
import numpy as np
from videos import natural_videos

from tsm_tf.data.sources.video_file import probe, read_frames
from tsm_tf.data.synthetic.render import write_video

LABELS = (
    "bar to the left",
    "bar to the right",
    "ring grows",
    "ring shrinks",
    "bar falls to the right",
    "bar falls to the left",
    "nothing",
)
BACKGROUND = "nothing"
HEIGHT, WIDTH = 96, 128
_FPS = (15, 24, 25, 30)


def natural_backgrounds() -> np.ndarray:
    """Returns 64 natural images, RGB `uint8 [64, 150, 200, 3]`."""
    images = []
    for path in natural_videos():
        indices = np.linspace(0, probe(path).num_frames - 1, 16).astype(int)
        for frame in read_frames(path, indices.tolist()):
            scale = max(150 / frame.shape[0], 200 / frame.shape[1])
            small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            y, x = (small.shape[0] - 150) // 2, (small.shape[1] - 200) // 2
            images.append(small[y : y + 150, x : x + 200])
    return np.stack(images)


def shape_frames(
    label: int, rng: np.random.Generator, backgrounds: np.ndarray
) -> tuple[np.ndarray, int]:
    """Draws one video.

    Args:
        label: index into `LABELS`.
        rng: makes all random choices.
        backgrounds: natural images `uint8 [N, h, w, 3]`, larger than a frame.

    Returns:
        RGB `uint8 [T, 96, 128, 3]`, and the frames per second.
    """
    fps = int(rng.choice(_FPS))
    count = round(rng.uniform(1.2, 2.8) * fps)
    begin, end = rng.uniform(0, 0.15, 2)
    phase = np.clip((np.linspace(0, 1, count) - begin) / (1 - begin - end), 0, 1)
    if label == len(LABELS) - 1:
        phase, label = np.full(count, rng.uniform()), int(rng.integers(-2, 6))
    elif label % 2:
        phase = phase[::-1]

    scene = _Scene(rng, backgrounds, count)
    return np.stack([scene.draw(t, label, 2 * phase[t] - 1) for t in range(count)]), fps


class _Scene:
    def __init__(self, rng, backgrounds, count):
        image = backgrounds[rng.integers(len(backgrounds))]
        room = np.array([image.shape[1] - WIDTH, image.shape[0] - HEIGHT])
        start, stop = rng.uniform(0, 1, 2), rng.uniform(0, 1, 2)
        stop = start + rng.uniform(0, 0.5) * (stop - start)  # the camera moves a little
        self.image = image
        self.corners = (np.linspace(start, stop, count) * room).astype(int)
        self.color = tuple(int(v) for v in rng.choice([20, 120, 235], 3))
        self.center = rng.uniform(0.4, 0.6, 2) * (WIDTH, HEIGHT)
        self.size, self.reach = rng.uniform(14, 22), rng.uniform(24, 40)
        self.thickness, self.growth = int(rng.integers(4, 8)), rng.uniform(0.35, 0.6)
        self.tilt, self.turn = rng.uniform(-15, 15), rng.uniform(35, 60)

    def draw(self, t, label, sweep):
        x, y = self.corners[t]
        frame = self.image[y : y + HEIGHT, x : x + WIDTH].copy()
        if label < 0:
            return frame
        center, angle = self.center.copy(), np.deg2rad(self.tilt)
        if label < 2:
            center[0] -= self.reach * sweep
        elif label >= 4:
            angle += np.deg2rad(self.turn * sweep)

        if label in (2, 3):
            radius = round(self.size * np.exp(self.growth * sweep))
            cv2.circle(
                frame, center.round().astype(int).tolist(), radius, self.color, self.thickness
            )
        else:
            arm = 1.6 * self.size * np.array([np.sin(angle), -np.cos(angle)])
            ends = [(center + side * arm).round().astype(int).tolist() for side in (-1, 1)]
            cv2.line(frame, *ends, self.color, self.thickness)
        return frame


def write_shapes(
    folder: pathlib.Path, counts: dict[str, int], backgrounds: np.ndarray, seed: int = 0
) -> pathlib.Path:
    """Writes a data folder; returns it. Backgrounds of one split do not appear in the other."""
    (folder / "videos").mkdir(parents=True)
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    folder.joinpath("background.txt").write_text(f"{BACKGROUND}\n")
    for number, (split, count) in enumerate(counts.items()):
        lines = []
        for index in range(count):
            rng = np.random.default_rng((seed, number, index))
            label, name = index % len(LABELS), f"videos/{split}_{index:05d}.mp4"
            frames, fps = shape_frames(label, rng, backgrounds[number :: len(counts)])
            write_video(folder / name, frames, fps)
            lines.append(f"{name} {len(frames)} {label}\n")
        folder.joinpath(f"{split}.txt").write_text("".join(lines))
    return folder
