"""What the rendered gestures are drawn with: a hand before a background."""

import cv2
import numpy as np

WIDTH, HEIGHT = 112, 84


class Scene:
    """A background, a hand's look, distractors and a shaking camera; everything but the gesture.

    Args:
        rng: decides all of it.
        num_frames: of the clip.
    """

    def __init__(self, rng: np.random.Generator, num_frames: int):
        margin = 8
        height, width = HEIGHT + 2 * margin, WIDTH + 2 * margin
        coarse = rng.uniform(0, 255, (int(rng.integers(2, 7)), int(rng.integers(2, 7)), 3))
        base = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        background = base.mean((0, 1)) + rng.uniform(0.2, 0.6) * (base - base.mean((0, 1)))
        background += rng.normal(0, rng.uniform(0, 8), background.shape)
        self.background = np.clip(background, 0, 255).astype(np.uint8)
        self.color = _contrasting(rng, self.background.mean((0, 1)))
        self.mirror = rng.choice((-1, 1))
        self.spread = rng.uniform(12, 24)
        self.lengths = rng.uniform(0.42, 0.58, 5) * (0.75, 0.95, 1, 0.95, 0.8)
        self.thickness = rng.uniform(0.1, 0.15)
        shake = np.cumsum(rng.normal(0, rng.uniform(0, 0.7), (num_frames, 2)), axis=0)
        self.shake = np.clip(margin + shake - shake.mean(0), 0, 2 * margin).astype(int)
        count = int(rng.integers(0, 3))
        centers = rng.uniform(0, 1, (count, 1, 2)) + np.linspace(-0.5, 0.5, num_frames)[
            :, None
        ] * rng.normal(0, 0.4, (count, 1, 2))
        self.blobs = [
            (path, int(rng.integers(3, 8)), tuple(map(int, rng.uniform(0, 255, 3))))
            for path in centers
        ]

    def draw(self, t: int, x: float, y: float, size: float, angle: float) -> np.ndarray:
        """Returns frame t, `uint8 [HEIGHT, WIDTH, 3]` RGB.

        Args:
            t: the frame's number.
            x, y: centre of the palm, as fractions of the frame.
            size: of the hand, as a fraction of the frame's height; 0 draws none.
            angle: degrees clockwise from upright.
        """
        left, top = self.shake[t]
        frame = self.background[top : top + HEIGHT, left : left + WIDTH].copy()
        for path, radius, color in self.blobs:
            center = (int(path[t, 0] * WIDTH * 16), int(path[t, 1] * HEIGHT * 16))
            cv2.circle(frame, center, radius * 16, color, -1, cv2.LINE_AA, 4)
        if size > 0:
            self._draw_hand(
                frame, np.array((x * WIDTH, y * HEIGHT)), size * HEIGHT, np.deg2rad(angle)
            )
        return frame

    def _draw_hand(self, frame, center, size, angle):
        def point(direction, distance):
            turned = angle + self.mirror * np.deg2rad(direction)
            at = center + distance * size * np.array((np.sin(turned), -np.cos(turned)))
            return tuple(int(v) for v in np.round(at * 16))

        dark = tuple(int(0.6 * c) for c in self.color)
        thickness = max(2, round(self.thickness * size))
        for color, extra in ((dark, 2), (self.color, 0)):  # an outline first
            cv2.line(
                frame, point(180, 0), point(180, 0.5), color, 2 * thickness + extra, cv2.LINE_AA, 4
            )
            cv2.circle(
                frame, point(0, 0), round(0.24 * size * 16 + 8 * extra), color, -1, cv2.LINE_AA, 4
            )
            for finger, length in enumerate(self.lengths):
                direction = -75 if finger == 0 else (finger - 2.5) * self.spread
                cv2.line(
                    frame,
                    point(direction, 0.15),
                    point(direction, length),
                    color,
                    thickness + extra,
                    cv2.LINE_AA,
                    4,
                )


def _contrasting(rng, background):
    """Returns a colour whose brightness is well away from the background's."""
    weights = np.array((0.299, 0.587, 0.114))
    while True:
        color = rng.uniform(20, 255, 3)
        if abs((color - background) @ weights) > 60:
            return tuple(int(c) for c in color)
