"""Runs a model over streams one frame at a time, as a device does."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tsm_tf.evaluation.stream.joined import JoinedStream, Joiner
from tsm_tf.models.frame_step import Step


def stream_logits(
    joiner: Joiner,
    streams: Sequence[JoinedStream],
    make_step: Callable[[int], Step],
    side_by_side: int,
    report: Callable[[int], None] = lambda _: None,
) -> list[np.ndarray]:
    """Returns the logits of every frame of every stream.

    Args:
        joiner: yields the frames.
        streams: the streams.
        make_step: returns a step from the initial state, for a number of streams side by side.
        side_by_side: number of streams in one step.
        report: is called with the number of frames of all streams that are done.

    Returns:
        `float32 [n, num_classes]` for each stream.
    """
    found, done = [], 0
    for first in range(0, len(streams), side_by_side):
        group = streams[first : first + side_by_side]
        step = make_step(len(group))
        logits = [[] for _ in group]
        for frames, is_running in _together(joiner, group):
            rows = step(frames)
            for stream in np.flatnonzero(is_running):
                logits[stream].append(rows[stream])
            done += int(is_running.sum())
            report(done)
        found += [np.stack(rows) for rows in logits]
    return found


def _together(
    joiner: Joiner, streams: Sequence[JoinedStream]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the next frame of each stream, the last one after its end, and which are running."""
    iterators = [joiner.frames(stream) for stream in streams]
    size = joiner.spec.input_size
    frames = np.zeros((len(streams), size, size, joiner.spec.channels), np.uint8)
    for moment in range(max(len(stream.labels) for stream in streams)):
        is_running = np.array([moment < len(stream.labels) for stream in streams])
        for stream in np.flatnonzero(is_running):
            frames[stream] = next(iterators[stream])
        yield frames, is_running
