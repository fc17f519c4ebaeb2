"""How rendered objects move, and in which frames their marks cannot be seen."""

import dataclasses

import numpy as np

SLOW, MEDIUM, FAST = SPEEDS = ("slow", "medium", "fast")
_SPEED = {SLOW: 0.08, MEDIUM: 0.45}  # pixels per frame
_BLURRED = {SLOW: 0.08, MEDIUM: 0.2}  # share of the frames
_TURNS = {SLOW: 0.0, MEDIUM: 0.1}  # probability of a new direction, per frame
_REST_FRAMES = (1, 2)
_RUN_FRAMES = (3, 5)
_RUN_SPEED = (3.5, 6.0)  # pixels per frame
_GLARE = 0.05  # probability that it starts, per frame


@dataclasses.dataclass(frozen=True)
class Motion:
    """The course of one object.

    Args:
        centers: `float64 [T, 2]`, x and y in pixels.
        velocities: `float64 [T, 2]`, pixels per frame, along which a frame is blurred.
        blurred: `bool [T]`, whether the object is blurred in a frame.
        glare: `bool [T]`, whether glare hides its middle.
    """

    centers: np.ndarray
    velocities: np.ndarray
    blurred: np.ndarray
    glare: np.ndarray


def draw_motion(
    rng: np.random.Generator,
    speed: str,
    start: np.ndarray,
    margin: float,
    size: int,
    num_frames: int,
) -> Motion:
    """Draws the course of an object, which bounces off the borders.

    A fast object stops and goes: it is sharp while it rests and blurred while it moves. In the
    first frame, every object is sharp, so that there is something to remember.

    Args:
        rng: decides the details.
        speed: one of `SPEEDS`.
        start: x and y of the first frame.
        margin: pixels between the centre and the border, at least.
        size: width and height of the picture.
        num_frames: length of the video.
    """
    if speed == FAST:
        steps, blurred = _stop_and_go(rng, num_frames)
    else:
        steps = _steady(rng, speed, num_frames)
        blurred = rng.random(num_frames) < _BLURRED[speed]

    glare = rng.random(num_frames) < _GLARE
    glare[1:] |= glare[:-1] & (rng.random(num_frames - 1) < 0.5)  # it lasts one or two frames
    blurred[0] = glare[0] = False

    unfolded = start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps[1:], axis=0)])
    centers = _bounce(unfolded, margin, size - margin)
    velocities = np.diff(centers, axis=0, prepend=centers[:1])
    return Motion(centers, velocities, blurred, glare)


def _steady(rng, speed, num_frames):
    """Returns steps of one length; the direction changes now and then."""
    angles = rng.uniform(0, 2 * np.pi, num_frames)
    turns = rng.random(num_frames) < _TURNS[speed]
    turns[0] = True
    angle = angles[np.maximum.accumulate(np.where(turns, np.arange(num_frames), 0))]
    return _SPEED[speed] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _stop_and_go(rng, num_frames):
    """Returns the steps of a fast object, and in which frames it moves."""
    steps, moves = np.zeros((num_frames, 2)), np.zeros(num_frames, bool)
    first = 0
    while first < num_frames:
        first += rng.integers(*_REST_FRAMES, endpoint=True)
        end = first + rng.integers(*_RUN_FRAMES, endpoint=True)
        angle = rng.uniform(0, 2 * np.pi)
        steps[first:end] = rng.uniform(*_RUN_SPEED) * np.array((np.cos(angle), np.sin(angle)))
        moves[first:end] = True
        first = end
    return steps, moves


def _bounce(points, low, high):
    """Reflects coordinates into a range, as often as necessary."""
    span = high - low
    return low + span - np.abs((points - low) % (2 * span) - span)
