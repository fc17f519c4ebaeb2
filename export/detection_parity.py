"""Compares the exported file of a detector with the Keras model that it was made from."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from export.runtime import StreamRunner
from tsm_tf.detection.detections import Detections
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    from export.sample_clips import SampleClips
    from tsm_tf.detection.rfcn import DetectorModel

COVERAGE = 0.97
"""Share of the detections that a proof's difference covers.

Selecting boxes is discrete: if two scores or overlaps are equal up to rounding, another box may
win. That concerns single detections, while a wrong cache changes nearly all of them.
"""

SHOWN = 0.5
"""Score from which on a detection counts as shown."""

_OVERLAP = 0.5  # of the boxes of one object


@dataclasses.dataclass(frozen=True)
class DetectionProof:
    """How the file of a detector compares with Keras on clips, which it streams from a cold start.

    Args:
        difference: largest difference of any score or coordinate, as a share of the frame's height
            or width, among the 97% of all detections that differ least; 1 for a detection that the
            other one has not.
        agreement: share of the detections shown by Keras that the file finds as well: of the same
            class, with an overlap of at least 0.5 and half the score; None if Keras shows none.
        num_streams: number of clips compared.
        num_frames: number of frames compared.
        num_detections: number of detections compared, those of the file and of Keras.
    """

    difference: float
    agreement: float | None
    num_streams: int
    num_frames: int
    num_detections: int

    def __str__(self):
        text = (
            f"{COVERAGE:.0%} of {self.num_detections:,} detections in {self.num_frames:,} frames "
            f"differ from Keras by at most {self.difference:.2e}"
        )
        if self.agreement is not None:
            text += f"; finds {self.agreement:.1%} of what Keras shows"
        return text


def keras_detections(model: "DetectorModel", clips: "SampleClips") -> list[list[Detections]]:
    """Returns what a file must find in each frame, according to the Keras model for *clips*.

    That model does not contain the streaming graph, so a wrong cache cannot hide in both.
    """
    import keras
    import tensorflow as tf

    model = model.with_segments(clips.frames.shape[1])
    # Keras keeps all maps of an eager call until its end: 11 GB for 32 frames of ResNet-50.
    detect = tf.function(model)
    found = []
    for clip in clips.frames:
        outputs = detect(clip[None], training=False)
        outputs = {name: keras.ops.convert_to_numpy(x)[0] for name, x in outputs.items()}
        found.append(
            [
                Detections(boxes[:count], classes[:count], scores[:count])
                for boxes, classes, scores, count in zip(
                    outputs["boxes"],
                    outputs["classes"],
                    outputs["scores"],
                    outputs["count"],
                    strict=True,
                )
            ]
        )
    return found


def prove_detector(
    path: pathlib.Path,
    clips: "SampleClips",
    expected: Sequence[Sequence[Detections]],
    runtime: str = "auto",
    unchecked: bool = False,
) -> DetectionProof:
    """Compares a file with the detections of its Keras model.

    Args:
        path: a file of `export.tflite`.
        clips: clips of any length.
        expected: from `keras_detections`.
        runtime: what runs the file; see `load_engine`.
        unchecked: see `StreamRunner`.

    Raises:
        InputError: the file does not forget everything on a reset, or there is nothing to compare.
    """
    runner = StreamRunner(path, runtime=runtime, unchecked=unchecked)
    actual = [_stream(runner, clip) for clip in clips.frames]
    again = _stream(runner, clips.frames[0])
    if not all(map(_are_equal, again, actual[0])):
        raise InputError("model", "must find the same boxes after a reset", str(path))

    spec = runner.spec
    pairs = [
        (found, keras)
        for stream, keras_stream in zip(actual, expected, strict=True)
        for found, keras in zip(stream, keras_stream, strict=True)
    ]
    sizes = np.array([spec.input_width, spec.input_height] * 2, np.float32)
    differences = np.concatenate([_differences(*pair, sizes) for pair in pairs])
    if not differences.size:
        rule = "must have frames in which something is found, to compare the file with Keras"
        raise InputError("data", rule, clips.source)

    shown = np.concatenate([_are_found(*pair) for pair in pairs])
    return DetectionProof(
        difference=float(np.quantile(differences, COVERAGE, method="higher")),
        agreement=float(shown.mean()) if shown.size else None,
        num_streams=len(clips.frames),
        num_frames=len(pairs),
        num_detections=len(differences),
    )


def _stream(runner, frames):
    runner.reset()
    return [runner.step(frame) for frame in frames]


def _are_equal(first, second):
    return all(map(np.array_equal, first, second))


def _differences(found: Detections, keras: Detections, sizes: np.ndarray) -> np.ndarray:
    """Returns the distance of each detection, of both, to the nearest one of the other."""
    places = [np.concatenate([x.boxes / sizes, x.scores[:, None]], axis=1) for x in (found, keras)]
    distances = np.abs(places[0][:, None] - places[1]).max(-1)
    distances[np.isnan(distances) | (found.classes[:, None] != keras.classes)] = 1
    if not distances.size:
        return np.ones(len(found.scores) + len(keras.scores))
    return np.concatenate([distances.min(1), distances.min(0)])


def _are_found(found: Detections, keras: Detections) -> np.ndarray:
    """Returns for each detection that Keras shows whether the file has it."""
    keras = keras.above(SHOWN)
    is_same = found.classes == keras.classes[:, None]
    is_same &= found.scores >= keras.scores[:, None] / 2
    return (is_same & (_overlaps(keras.boxes, found.boxes) >= _OVERLAP)).any(axis=1)


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first, second = first[:, None], second[None]
    starts = np.maximum(first[..., :2], second[..., :2])
    ends = np.minimum(first[..., 2:], second[..., 2:])
    common = (ends - starts).clip(0).prod(-1)
    areas = [(x[..., 2:] - x[..., :2]).prod(-1) for x in (first, second)]
    return common / np.maximum(areas[0] + areas[1] - common, 1e-12)
