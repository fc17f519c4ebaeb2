"""Joins validation videos into one long video with pauses, the unseen stream of the demo.

The gestures come in random order. Half of them follow the one before at once, and the others after
a pause of background videos, if the data set has such classes. What happens when is written beside
the video, as a CSV file of the same name.
"""

import csv
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.listing import Listing, open_listing
from tsm_tf.data.sources import Source
from tsm_tf.data.synthetic.render import write_video
from tsm_tf.data.timeline import Timeline, check_timelines, frame_indices, timelines
from tsm_tf.data.windows import Piece, Videos
from tsm_tf.evaluation.stream.joined import Gesture, JoinedStream, Joiner
from tsm_tf.files import write_csv
from tsm_tf.spec import ModelSpec

COLUMNS = ("start", "end", "label")

_FPS = 24  # a multiple of the recipe's 8, so that the model sees the frames that it sees elsewhere
_MAX_SECONDS = 60
_MAX_SHORT_SIDE = 240  # pixels
_PAUSE_SECONDS = 2.0  # mean length


def join(
    data: Listing | str | os.PathLike,
    output: pathlib.Path,
    num_gestures: int,
    seed: int,
) -> float:
    """Joins validation videos, and writes the video and its truth.

    Args:
        data: the videos, a `Listing` or what it is made of.
        output: the video to write; the truth is beside it, with the suffix `.csv`: `start` and
            `end` in seconds, and `label`, for each gesture.
        num_gestures: number of videos with gestures, of each class about equally many.
        seed: makes all random choices.

    Returns:
        The seconds of the video, at most a minute.
    """
    listing = open_listing(data)
    videos = timelines(listing.labelled_videos("val"))
    check_timelines(videos, listing.source)

    spec = ModelSpec(
        num_classes=len(listing.labels),
        labels=listing.labels,
        background=listing.background,
    )
    rng = np.random.default_rng(seed)
    found = Videos.of(videos, spec.background_classes)
    gestures = _choose(videos, found.gestures, num_gestures, rng)

    joiner = Joiner(videos, spec, _FPS, listing.source)
    streams = joiner.join(
        [*gestures, *found.pauses],
        background_seconds=_PAUSE_SECONDS * len(gestures) / 2,
        num_streams=1,
        rng=rng,
    )
    pieces, truth = _chain(streams)

    frames = _read(pieces, videos, listing.source)
    write_csv(
        output.with_suffix(".csv"),
        [
            {
                "start": f"{gesture.start:.3f}",
                "end": f"{gesture.end:.3f}",
                "label": listing.labels[gesture.label],
            }
            for gesture in truth
        ],
        COLUMNS,
    )
    write_video(output, frames, _FPS)
    return len(frames) / _FPS


def read_truth(path: pathlib.Path) -> list[tuple[float, float, str]]:
    """Returns the start, end and label of each gesture from the CSV file of `join`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(float(r["start"]), float(r["end"]), r["label"]) for r in csv.DictReader(file)]


def _choose(
    videos: Sequence[Timeline],
    gestures: Sequence[int],
    count: int,
    rng: np.random.Generator,
) -> list[int]:
    """Chooses videos at random, one of each class in turns."""
    of_class: dict[int, list[int]] = {}
    for index in rng.permutation(gestures).tolist():
        of_class.setdefault(videos[index].segments[0].label, []).append(index)
    rounds = itertools.zip_longest(*of_class.values())
    return [index for turn in rounds for index in turn if index is not None][:count]


def _chain(streams: Sequence[JoinedStream]) -> tuple[list[Piece], list[Gesture]]:
    """Joins streams into one, and cuts what is too long."""
    pieces, gestures, begin = [], [], 0.0
    left = _MAX_SECONDS * _FPS
    for stream in streams:
        for piece in stream.pieces:
            pieces.append(dataclasses.replace(piece, count=min(piece.count, left)))
            left -= pieces[-1].count
        gestures += [
            Gesture(begin + gesture.start, min(begin + gesture.end, _MAX_SECONDS), gesture.label)
            for gesture in stream.gestures
            if begin + gesture.start < _MAX_SECONDS
        ]
        begin += stream.seconds
    return [piece for piece in pieces if piece.count], gestures


def _read(pieces: Sequence[Piece], videos: Sequence[Timeline], source: Source) -> np.ndarray:
    """Returns the frames of pieces, all of the size of the first, with even height and width."""
    first = source.read(videos[pieces[0].video].path, [0], None)
    short_side = min(*first.shape[1:3], _MAX_SHORT_SIDE)
    frames, size = [], None
    for piece in pieces:
        path = videos[piece.video].path
        indices = frame_indices(piece.times(_FPS), source.fps(path), source.num_frames(path))
        for frame in source.read(path, indices.tolist(), short_side):
            size = size or (frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
            frames.append(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    return np.stack(frames)


def define_flags():
    data_flags.define()
    flags.DEFINE_string("output", None, "The video to write.", required=True)
    flags.DEFINE_integer("num_gestures", 12, "Number of gestures.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed for the choice, the order and the pauses.")


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    seconds = join(data_flags.read("val"), output, values.num_gestures, values.seed)
    labels = [label for _, _, label in read_truth(output.with_suffix(".csv"))]
    print(f"written to {output}: {len(labels)} gestures in {seconds:.1f} s: {', '.join(labels)}")


if __name__ == "__main__":
    cli.run(main, define_flags)
