"""Joins the videos of a split into long streams, with pauses, and says what happens when."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tsm_tf.data.crops import center_crop
from tsm_tf.data.sampling_rate import frames_at
from tsm_tf.data.sources import Source
from tsm_tf.data.timeline import NO_CLASS, Timeline, classes_at
from tsm_tf.data.windows import Piece, Videos
from tsm_tf.spec import ModelSpec

DEFAULT_FPS = 8.0
"""Frames per second for models whose spec has no rate."""

_PAUSE_SHARE = 0.5  # of the gestures have a pause before them; the others follow at once
_PAUSE_LENGTHS = (0.2, 1.8)  # shortest and longest, relative to their mean


@dataclasses.dataclass(frozen=True)
class Gesture:
    """What happens in a stream, in seconds of the stream: a segment of no background class."""

    start: float
    end: float
    label: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclasses.dataclass(frozen=True)
class JoinedStream:
    """A stream of videos that follow each other.

    Attributes:
        pieces: the parts of videos.
        labels: class of each frame, `int64 [n]`; `NO_CLASS` if it has none.
        gestures: what happens, in order.
        fps: frames per second.
    """

    pieces: tuple[Piece, ...]
    labels: np.ndarray
    gestures: tuple[Gesture, ...]
    fps: float

    @property
    def seconds(self) -> float:
        """Length of the stream."""
        return len(self.labels) / self.fps


class Joiner:
    """Joins timelines into streams.

    Args:
        timelines: the videos.
        spec: gives the background classes and the size of the frames.
        fps: frames per second of the streams.
        source: what frames are read from.
    """

    def __init__(
        self,
        timelines: Sequence[Timeline],
        spec: ModelSpec,
        fps: float,
        source: Source,
    ):
        self.timelines = timelines
        self.spec = spec
        self.fps = fps
        self.source = source

    def join(
        self,
        chosen: Sequence[int],
        background_seconds: float,
        num_streams: int,
        rng: np.random.Generator,
    ) -> list[JoinedStream]:
        """Returns streams in which each chosen video with a gesture appears once.

        Half of the gestures have a pause before them. Pauses are videos of background classes,
        used again and again in random order until they fill `background_seconds`. An untrimmed
        video is a stream of its own.

        Args:
            chosen: indices of the videos.
            background_seconds: length of all pauses together; without videos of background
                classes, there are none.
            num_streams: number of streams for the trimmed videos.
            rng: makes all random choices.
        """
        timelines = [self.timelines[index] for index in chosen]
        found = Videos.of(timelines, self.spec.background_classes)
        untrimmed = [chosen[i] for i in sorted(found.untrimmed)]
        gestures = [chosen[i] for i in found.gestures if i not in found.untrimmed]
        pauses = [chosen[i] for i in found.pauses]
        rng.shuffle(gestures)

        streams = [self.single(video) for video in untrimmed]
        if not gestures:
            return streams
        has_pause = rng.permutation(len(gestures)) < round(len(gestures) * _PAUSE_SHARE)
        lengths = rng.uniform(*_PAUSE_LENGTHS, len(gestures)) * has_pause
        if pauses and lengths.any():
            lengths *= background_seconds / lengths.sum()
        next_pause = self._endless_pauses(pauses, rng)
        parts: list[list[Piece]] = [[] for _ in range(min(num_streams, len(gestures)))]
        for number, (video, length) in enumerate(zip(gestures, lengths, strict=True)):
            part = parts[number % len(parts)]
            if pauses:
                part += self._pause(next_pause, round(length * self.fps))
            part.append(self._whole(video))
        return [*streams, *(self._stream(part) for part in parts)]

    def single(self, video: int) -> JoinedStream:
        """Returns a stream of one whole video."""
        return self._stream([self._whole(video)])

    def frames(self, stream: JoinedStream) -> Iterator[np.ndarray]:
        """Yields the frames of a stream as evaluation sees them, `uint8 [S, S, 3]`."""
        spec = self.spec
        for piece in stream.pieces:
            path = self.timelines[piece.video].path
            times = piece.times(self.fps)
            indices = frames_at(path, times, self.source, spec.sampling_rate)
            frames = self.source.read(path, indices.tolist(), spec.short_side, spec.interpolation)
            yield from np.ascontiguousarray(center_crop(frames, spec.input_size))

    def _endless_pauses(self, pauses, rng):
        while pauses:
            for video in rng.permutation(pauses):
                yield self._whole(int(video), is_pause=True)

    def _pause(self, next_pause: Iterator[Piece], num_frames: int) -> Iterator[Piece]:
        while num_frames > 0:
            piece = next(next_pause)
            yield dataclasses.replace(piece, count=min(piece.count, num_frames))
            num_frames -= piece.count

    def _duration(self, video):
        path = self.timelines[video].path
        return self.source.num_frames(path) / self.source.fps(path)

    def _whole(self, video: int, is_pause: bool = False) -> Piece:
        count = max(1, int(np.ceil(self._duration(video) * self.fps - 1e-6)))
        return Piece(video, 0.0, count, 1.0, is_pause)

    def _stream(self, pieces: Sequence[Piece]) -> JoinedStream:
        background = self.spec.background_classes
        between = background[0] if background else NO_CLASS
        labels, gestures, begin = [], [], 0.0
        for piece in pieces:
            timeline, duration = self.timelines[piece.video], self._duration(piece.video)
            shown = piece.count / self.fps
            times = piece.times(self.fps)
            labels.append(classes_at(timeline, times, duration, between).labels)
            for segment in timeline.segments:
                end = min(segment.end, duration, shown)
                if segment.label not in background and segment.start < end:
                    gestures.append(Gesture(begin + segment.start, begin + end, segment.label))
            begin += shown
        return JoinedStream(tuple(pieces), np.concatenate(labels), tuple(gestures), self.fps)


def halves(
    timelines: Sequence[Timeline],
    is_background: Callable[[Timeline], bool],
    rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Splits videos at random into two halves, the background and the others each by themselves."""
    first: list[int] = []
    second: list[int] = []
    for wanted in (False, True):
        indices = [i for i, video in enumerate(timelines) if is_background(video) == wanted]
        rng.shuffle(indices)
        middle = len(indices) // 2
        first += indices[:middle]
        second += indices[middle:]
    return first, second
