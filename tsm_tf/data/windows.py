"""Training for streams: windows of an endless, virtual stream that is joined from videos.

A model that has only seen clips fails in a stream, because its clips started with empty caches,
because the loss saw only the mean of a clip's logits, and because clips are as long as their
videos. So a window has a fixed frame rate, several videos, pauses, and a label for every frame.

The first frames of a window start with empty caches (zeros), as the first frames of a stream do.
Frames that are more than the receptive field behind them see what they would see in an endless
stream.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.timeline import NO_CLASS, FrameClasses, Timeline
from tsm_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Piece:
    """Consecutive frames of one video in a window.

    Args:
        video: index of the video.
        start: time of the first frame in the video, in seconds.
        count: number of frames.
        speed: factor by which the video is played faster.
        is_pause: whether nothing happens in it.
    """

    video: int
    start: float
    count: int
    speed: float
    is_pause: bool

    def times(self, fps: float) -> np.ndarray:
        """Returns the times of the frames in the video, in seconds, `[count]`."""
        return self.start + np.arange(self.count) * self.speed / fps


@dataclasses.dataclass(frozen=True)
class Videos:
    """The videos that windows are made of.

    Args:
        gestures: indices of the videos in which something happens.
        pauses: indices of trimmed videos of background classes.
        untrimmed: those of `gestures` that are untrimmed.
    """

    gestures: tuple[int, ...]
    pauses: tuple[int, ...]
    untrimmed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, timelines: Sequence[Timeline], background: Sequence[int]) -> "Videos":
        """Sorts timelines by what happens in them; `background` are indices of classes.

        Raises:
            InputError: all videos are background.
        """
        pauses = tuple(
            index
            for index, video in enumerate(timelines)
            if video.is_trimmed and video.segments[0].label in background
        )
        gestures = tuple(sorted(set(range(len(timelines))) - set(pauses)))
        if not gestures:
            raise InputError("data", "must have a video that is not background", len(pauses))
        untrimmed = frozenset(i for i in gestures if not timelines[i].is_trimmed)
        return cls(gestures, pauses, untrimmed)


def plan_window(
    videos: Videos,
    duration: Callable[[int], float],
    sampling: StreamSampling,
    rng: np.random.Generator,
) -> list[Piece]:
    """Decides what a window shows.

    Random trimmed videos follow each other from start to end, with pauses between them. An
    untrimmed video starts anywhere and fills the rest of the window.

    Args:
        videos: what to choose from.
        duration: returns the seconds of a video.
        sampling: the probabilities.
        rng: makes all random choices.

    Returns:
        Pieces whose counts sum to `sampling.window`.
    """
    pieces: list[Piece] = []
    left = sampling.window

    def add(video: int, start: float, end: float, speed: float, is_pause: bool) -> None:
        nonlocal left
        count = max(1, int(np.ceil((end - start) / speed * sampling.fps - 1e-6)))
        pieces.append(Piece(video, start, min(count, left), speed, is_pause))
        left -= pieces[-1].count

    while left > 0:
        while left > 0 and videos.pauses and rng.random() < sampling.pause_probability:
            video, speed = int(rng.choice(videos.pauses)), rng.uniform(*sampling.speed)
            whole = duration(video)
            length = rng.uniform(min(sampling.min_pause_seconds * speed, whole), whole)
            start = rng.uniform(0, whole - length)
            add(video, start, start + length, speed, True)
        if left <= 0:
            break

        video, speed = int(rng.choice(videos.gestures)), rng.uniform(*sampling.speed)
        whole, start = duration(video), 0.0
        if video in videos.untrimmed:
            needed = left * speed / sampling.fps
            start = rng.uniform(0, max(0.0, whole - needed))
        elif not pieces and rng.random() < sampling.cut_probability:
            start = rng.uniform(0, whole)
        add(video, start, whole, speed, False)

    return pieces


def frame_weights(
    piece: Piece,
    classes: FrameClasses,
    background: Sequence[int],
    sampling: StreamSampling,
) -> np.ndarray:
    """Returns how much each frame of a piece counts in the loss, `float32 [count]`.

    A gesture cannot be known in its first frames, nor if its start was cut off.

    Args:
        piece: the piece.
        classes: the annotation of its frames.
        background: indices of the background classes.
        sampling: the weights.
    """
    is_gesture = (classes.labels != NO_CLASS) & ~np.isin(classes.labels, background)
    starts = np.flatnonzero(np.diff(is_gesture.astype(int), prepend=-1))
    began = starts[np.searchsorted(starts, np.arange(piece.count), side="right") - 1]
    paused = (np.arange(piece.count) - began) / sampling.fps

    late = classes.shares >= sampling.undecided_share - 1e-9
    is_cut = is_gesture & (began == 0) & (classes.shares[0] > sampling.max_cut)
    gesture_weights = np.where(late & ~is_cut, 1.0, 0.0)
    pause_weights = np.where(
        paused >= sampling.pause_ignore_seconds - 1e-9, sampling.pause_weight, 0.0
    )

    weights = np.where(is_gesture, gesture_weights, pause_weights)
    return np.where(classes.labels == NO_CLASS, 0.0, weights).astype(np.float32)
