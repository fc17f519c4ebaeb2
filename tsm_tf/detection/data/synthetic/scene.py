"""Draws rendered objects, whose class is a mark that single frames often hide.

Where an object is can be seen in every frame; what it is cannot. Blur, glare, a pole or another
object hide the mark, so a detector has to remember it, as in Fig. 6 of the paper. White spots and
blurred bodies without a mark that last one frame (ghosts) count as false detections.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_tf.detection.data.synthetic.motion import FAST, MEDIUM, SLOW, Motion, draw_motion

LABELS = ("horizontal bars", "vertical bars", "ring", "cross")
SIZE = 96  # pixels
_HALF_SIZES = (10, 15)  # pixels
_NOISE = 0.03  # standard deviation of each pixel
_MAX_OBJECTS = 3
_SPEEDS = {SLOW: 0.29, MEDIUM: 0.39, FAST: 0.32}  # share of the objects
_GHOSTS = 0.25  # share of the frames
_POLES = 0.4  # share of the videos
_POLE_WIDTHS = (6, 10)  # pixels
_CONTRAST = 0.35  # of a mark; 1 is from black to white
_BLURRED_CONTRAST = 0.2 * _CONTRAST
_EXPOSURES = 8
_JITTER = 2.4  # standard deviation of each exposure's place, in pixels
_GLARE_RADIUS = 0.9  # times the half size
_VISIBLE = 0.5  # share of a mark that must be uncovered


@dataclasses.dataclass(frozen=True)
class Shape:
    """A body: a square or a disc with a mark.

    Args:
        half_size: half the side or the radius, in pixels.
        is_disc: a disc, else a square.
        color: RGB, 0..1.
        label: index into `LABELS`; None for a ghost, which has no mark.
        sign: 1 for a mark that is lighter than the body, -1 for a darker one.
    """

    half_size: float
    is_disc: bool
    color: np.ndarray
    label: int | None
    sign: int


@dataclasses.dataclass(frozen=True)
class DrawnObject:
    """An object in a frame.

    Args:
        box: x1, y1, x2, y2 in pixels, half-open, cut to the picture.
        label: index into `LABELS`.
        track: number of the object in its video.
        is_degraded: whether blur, glare or something in front hides the mark.
        is_occluded: whether something in front hides most of the mark.
    """

    box: tuple[int, int, int, int]
    label: int
    track: int
    is_degraded: bool
    is_occluded: bool


@dataclasses.dataclass(frozen=True)
class _Layer:
    """Something to draw: its colours, already multiplied by its coverage, and the coverage.

    Args:
        place: rows and columns of the picture.
        colors: `float64 [h, w, 3]`.
        coverage: `float64 [h, w]`, 0..1.
        mark: `float64 [h, w]`, where its mark is, or None.
    """

    place: tuple[slice, slice]
    colors: np.ndarray
    coverage: np.ndarray
    mark: np.ndarray | None = None


class Scene:
    """One video: a background, up to three objects, and perhaps a pole in front of them.

    Args:
        seed: numbers that decide everything.
        num_frames: length of the video.
    """

    def __init__(self, seed: Sequence[int], num_frames: int):
        self._rng = rng = np.random.default_rng(seed)
        self.num_frames = num_frames
        self.background = _background(rng)
        self.shapes: list[Shape] = []
        self.motions: list[Motion] = []

        starts: list[np.ndarray] = []
        for _ in range(rng.integers(1, _MAX_OBJECTS, endpoint=True)):
            shape = _draw_shape(rng, int(rng.integers(len(LABELS))))
            speed = str(rng.choice(list(_SPEEDS), p=list(_SPEEDS.values())))
            starts.append(_free_place(rng, shape.half_size, starts))
            motion = draw_motion(rng, speed, starts[-1], shape.half_size, SIZE, num_frames)
            self.shapes.append(shape)
            self.motions.append(motion)
        self.pole = _pole(rng) if rng.random() < _POLES else None

    def frames(self) -> tuple[np.ndarray, list[list[DrawnObject]]]:
        """Draws the video.

        Returns:
            RGB `uint8 [T, SIZE, SIZE, 3]`, and the objects of each frame.
        """
        frames = np.empty((self.num_frames, SIZE, SIZE, 3), np.uint8)
        objects = []
        for t in range(self.num_frames):
            frames[t], drawn = self._draw(t)
            objects.append(drawn)
        return frames, objects

    def _draw(self, t):
        layers, bodies = [], []
        for shape, motion in zip(self.shapes, self.motions, strict=True):
            bodies.append(len(layers))
            layers.append(self._body(shape, motion, t))
            if motion.glare[t]:
                layers.append(_glare(motion.centers[t], shape.half_size))
        if self._rng.random() < _GHOSTS:
            layers.append(self._ghost())
        if self.pole is not None:
            layers.append(self.pole)

        frame = self.background.copy()
        for layer in layers:
            area = frame[layer.place]
            area *= 1 - layer.coverage[..., None]
            area += layer.colors
        frame += self._rng.normal(0, _NOISE, frame.shape)

        drawn = [
            self._drawn_object(track, t, layers[place], layers[place + 1 :])
            for track, place in enumerate(bodies)
        ]
        return np.round(255 * np.clip(frame, 0, 1)).astype(np.uint8), drawn

    def _body(self, shape, motion, t):
        if not motion.blurred[t]:
            return _layer(shape, motion.centers[t][None], _CONTRAST)
        return self._blurred(shape, motion.centers[t], motion.velocities[t])

    def _blurred(self, shape, center, velocity):
        times = np.linspace(-0.5, 0.5, _EXPOSURES)[:, None]
        jitter = self._rng.normal(0, _JITTER, (_EXPOSURES, 2))
        return _layer(shape, center + times * velocity + jitter, _BLURRED_CONTRAST)

    def _ghost(self):
        rng = self._rng
        shape = _draw_shape(rng, None)
        center = _random_place(rng, shape.half_size)
        if rng.random() < 0.5:
            return _glare(center, shape.half_size)
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0, 6)
        return self._blurred(shape, center, speed * np.array((np.cos(angle), np.sin(angle))))

    def _drawn_object(self, track, t, layer, in_front):
        shape, motion = self.shapes[track], self.motions[track]
        low = np.round(motion.centers[t] - shape.half_size)
        corners = np.clip(np.concatenate([low, low + 2 * shape.half_size]), 0, SIZE)
        x1, y1, x2, y2 = corners.astype(int).tolist()
        is_covered = _visible_share(layer, in_front) < _VISIBLE
        return DrawnObject(
            (x1, y1, x2, y2),
            shape.label,
            track,
            is_degraded=bool(motion.blurred[t] or motion.glare[t] or is_covered),
            is_occluded=bool(is_covered and not motion.glare[t]),
        )


def _draw_shape(rng, label):
    return Shape(
        half_size=int(rng.integers(*_HALF_SIZES, endpoint=True)),
        is_disc=bool(rng.random() < 0.5),
        color=rng.uniform(0.2, 0.8, 3),
        label=label,
        sign=1 if rng.random() < 0.5 else -1,
    )


def _random_place(rng, half_size):
    return rng.uniform(half_size, SIZE - half_size, 2)


def _free_place(rng, half_size, others):
    """Returns a centre away from the other objects, if one is found soon."""
    places = [_random_place(rng, half_size) for _ in range(20)]
    distances = [min((np.abs(place - o).max() for o in others), default=SIZE) for place in places]
    far = [place for place, distance in zip(places, distances, strict=True) if distance > 30]
    return far[0] if far else places[int(np.argmax(distances))]


def _background(rng):
    """Returns two octaves of smooth random colour, `float64 [SIZE, SIZE, 3]`."""
    octaves = [
        cv2.resize(rng.random((cells, cells, 3)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        for cells in (4, 8)
    ]
    return 0.5 + 0.65 * (0.65 * octaves[0] + 0.35 * octaves[1] - 0.5)


def _pole(rng):
    width = int(rng.integers(*_POLE_WIDTHS, endpoint=True))
    left = int(rng.integers(0, SIZE - width, endpoint=True))
    place = (slice(0, SIZE), slice(left, left + width))
    colors = np.broadcast_to(rng.random(3), (SIZE, width, 3))
    return _Layer(place, colors, np.ones((SIZE, width)))


def _layer(shape, centers, contrast):
    """Returns a body as the mean of its exposures, whose centres are `[N, 2]`."""
    place, x, y = _area(centers, shape.half_size)
    body = _disc(x, y, shape.half_size) if shape.is_disc else _square(x, y, shape.half_size)
    coverage = body.mean(0)
    colors = coverage[..., None] * shape.color
    if shape.label is None:
        return _Layer(place, colors, coverage)

    mark = (body * _mark(shape.label, x, y, shape.half_size)).mean(0)
    colors = colors + shape.sign * contrast * mark[..., None]
    return _Layer(place, colors, coverage, mark)


def _glare(center, half_size):
    radius = _GLARE_RADIUS * half_size
    place, x, y = _area(center[None], radius)
    coverage = _disc(x, y, radius)[0]
    return _Layer(place, np.repeat(coverage[..., None], 3, axis=2), coverage)


def _area(centers, radius):
    """Returns the part of the picture that shapes touch, and its pixels relative to each centre.

    Returns:
        Rows and columns of the picture, and x and y, each `float64 [N, h, w]`.
    """
    low = np.clip(np.floor(centers.min(0) - radius - 1), 0, SIZE).astype(int)
    high = np.clip(np.ceil(centers.max(0) + radius + 1), 0, SIZE).astype(int)
    columns, rows = (np.arange(low[axis], high[axis]) + 0.5 for axis in (0, 1))
    x = columns[None, None, :] - centers[:, 0, None, None]
    y = rows[None, :, None] - centers[:, 1, None, None]
    x, y = np.broadcast_arrays(x, y)
    return (slice(low[1], high[1]), slice(low[0], high[0])), x, y


def _mark(label, x, y, half_size):
    """Returns how much of each pixel a mark covers, 0..1."""
    if label == 0:
        return _bars(y, x, half_size)
    if label == 1:
        return _bars(x, y, half_size)
    if label == 2:
        return _disc(x, y, 0.65 * half_size) * (1 - _disc(x, y, 0.36 * half_size))
    arm, width = 0.65 * half_size, 0.15 * half_size
    return np.maximum(_within(x, arm) * _within(y, width), _within(x, width) * _within(y, arm))


def _bars(across, along, half_size):
    """Returns three bars, `across` counting from one to the next."""
    bars = [_within(across - place * half_size, 0.12 * half_size) for place in (-0.5, 0, 0.5)]
    return np.maximum.reduce(bars) * _within(along, 0.65 * half_size)


def _within(distance, limit):
    """Returns 1 where a distance is below a limit, 0 above, and a ramp of one pixel between."""
    return np.clip(limit - np.abs(distance) + 0.5, 0, 1)


def _square(x, y, half_size):
    return _within(x, half_size) * _within(y, half_size)


def _disc(x, y, radius):
    return _within(np.hypot(x, y), radius)


def _visible_share(layer, in_front):
    """Returns the share of a layer's mark that the layers in front of it leave visible."""
    visible = np.zeros((SIZE, SIZE))
    visible[layer.place] = layer.mark
    total = visible.sum()
    for other in in_front:
        visible[other.place] *= 1 - other.coverage
    return visible.sum() / max(total, 1e-9)
