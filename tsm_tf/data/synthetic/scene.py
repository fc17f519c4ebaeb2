"""Draws the rendered gestures: a hand in front of a background."""

import cv2
import numpy as np

WIDTH, HEIGHT = 112, 84
_MARGIN = 8  # pixels around the frame, for a shaking camera
_SUBPIXEL_BITS = 4
_SUBPIXELS = 1 << _SUBPIXEL_BITS
_LUMA = np.array((0.299, 0.587, 0.114))
_MIN_CONTRAST = 60
_THUMB = -75  # degrees from upright


class Scene:
    """A background, the look of a hand, distractors and a shaking camera; all but the gesture.

    Args:
        rng: decides all of it.
        num_frames: length of the clip.
    """

    def __init__(self, rng: np.random.Generator, num_frames: int):
        self.background = _draw_background(rng)

        self.color = _contrasting_color(rng, self.background.mean((0, 1)))
        self.mirror = rng.choice((-1, 1))
        self.spread = rng.uniform(12, 24)  # degrees between fingers
        self.lengths = rng.uniform(0.42, 0.58, 5) * (0.75, 0.95, 1, 0.95, 0.8)
        self.thickness = rng.uniform(0.1, 0.15)

        shake = np.cumsum(rng.normal(0, rng.uniform(0, 0.7), (num_frames, 2)), axis=0)
        self.shake = np.clip(_MARGIN + shake - shake.mean(0), 0, 2 * _MARGIN).astype(int)
        self.blobs = _draw_blobs(rng, num_frames)

    def draw(self, t: int, x: float, y: float, size: float, angle: float) -> np.ndarray:
        """Returns a frame, RGB `uint8 [HEIGHT, WIDTH, 3]`.

        Args:
            t: number of the frame.
            x: centre of the palm, as a fraction of the frame's width.
            y: centre of the palm, as a fraction of the frame's height.
            size: size of the hand, as a fraction of the frame's height; 0 draws none.
            angle: degrees clockwise from upright.
        """
        left, top = self.shake[t]
        frame = self.background[top : top + HEIGHT, left : left + WIDTH].copy()

        for path, radius, color in self.blobs:
            center = (int(path[t, 0] * WIDTH * _SUBPIXELS), int(path[t, 1] * HEIGHT * _SUBPIXELS))
            _draw_disc(frame, center, radius * _SUBPIXELS, color)

        if size > 0:
            center = np.array((x * WIDTH, y * HEIGHT))
            self._draw_hand(frame, center, size * HEIGHT, np.deg2rad(angle))
        return frame

    def _draw_hand(self, frame, center, size, angle):
        def point(direction, distance):
            turned = angle + self.mirror * np.deg2rad(direction)
            at = center + distance * size * np.array((np.sin(turned), -np.cos(turned)))
            return tuple(int(v) for v in np.round(at * _SUBPIXELS))

        dark = tuple(int(0.6 * channel) for channel in self.color)
        thickness = max(2, round(self.thickness * size))

        for color, extra in ((dark, 2), (self.color, 0)):  # the outline first
            _draw_line(frame, point(180, 0), point(180, 0.5), color, 2 * thickness + extra)
            radius = round(0.24 * size * _SUBPIXELS + extra * _SUBPIXELS / 2)
            _draw_disc(frame, point(0, 0), radius, color)

            for finger, length in enumerate(self.lengths):
                direction = _THUMB if finger == 0 else (finger - 2.5) * self.spread
                start, end = point(direction, 0.15), point(direction, length)
                _draw_line(frame, start, end, color, thickness + extra)


def _draw_background(rng):
    """Returns a smooth, noisy pattern, `uint8 [HEIGHT + 2 * margin, WIDTH + 2 * margin, 3]`."""
    height, width = HEIGHT + 2 * _MARGIN, WIDTH + 2 * _MARGIN
    coarse = rng.uniform(0, 255, (int(rng.integers(2, 7)), int(rng.integers(2, 7)), 3))
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

    mean = smooth.mean((0, 1))
    background = mean + rng.uniform(0.2, 0.6) * (smooth - mean)
    background += rng.normal(0, rng.uniform(0, 8), background.shape)
    return np.clip(background, 0, 255).astype(np.uint8)


def _draw_blobs(rng, num_frames):
    """Returns up to two discs that move on straight lines: path, radius in pixels, colour."""
    count = int(rng.integers(0, 3))
    times = np.linspace(-0.5, 0.5, num_frames)[:, None]
    paths = rng.uniform(0, 1, (count, 1, 2)) + times * rng.normal(0, 0.4, (count, 1, 2))
    return [
        (path, int(rng.integers(3, 8)), tuple(map(int, rng.uniform(0, 255, 3)))) for path in paths
    ]


def _draw_disc(frame, center, radius, color):
    cv2.circle(
        frame,
        center,
        radius,
        color,
        thickness=cv2.FILLED,
        lineType=cv2.LINE_AA,
        shift=_SUBPIXEL_BITS,
    )


def _draw_line(frame, start, end, color, thickness):
    cv2.line(
        frame,
        start,
        end,
        color,
        thickness,
        lineType=cv2.LINE_AA,
        shift=_SUBPIXEL_BITS,
    )


def _contrasting_color(rng, background):
    """Returns a colour whose brightness differs clearly from the background's."""
    while True:
        color = rng.uniform(20, 255, 3)
        if abs((color - background) @ _LUMA) > _MIN_CONTRAST:
            return tuple(int(channel) for channel in color)
