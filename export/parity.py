"""Compares an exported file with the Keras model that it was made from.

Every export is compared before it is written. To repeat the comparison on your own videos:

    python -m export.parity --model=FILE --checkpoint=DIR --data=DIR
"""

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from export.format.metadata import UNCHECKED, read_contents
from export.runtime import ClipRunner, StreamRunner, load_runner
from export.runtime.engine import RUNTIMES
from export.sample_clips import in_steps
from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    import keras

    from export.sample_clips import SampleClips

TOLERANCE = 1e-4
"""Largest `Proof.difference` of a float32 file."""

AGREEMENT = 0.97
"""If the top-1 agrees with Keras on a smaller share of clips, a quantised file gets a warning."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """How a file compares with Keras on clips. Online files stream each clip from a cold start.

    Args:
        difference: largest difference of any logit; relative to a tenth of the largest logit if
            logits exceed 10, because float32 is coarser there.
        agreement: share of clips with the same top-1 of the mean logits, 0..1.
        frame_agreement: share of frames with the same top-1, 0..1; of clips for a clip model.
        num_streams: number of clips compared.
        num_frames: number of frames compared.
        accuracy: top-1 accuracy of the file on the clips, 0..1; None without labels.
        keras_accuracy: top-1 accuracy of the Keras model on the clips, 0..1; None without labels.
    """

    difference: float
    agreement: float
    frame_agreement: float
    num_streams: int
    num_frames: int
    accuracy: float | None = None
    keras_accuracy: float | None = None

    def __str__(self):
        text = (
            f"differs from Keras by at most {self.difference:.2e}; "
            f"top-1 agrees on {self.agreement:.1%} of {self.num_streams} streams "
            f"and {self.frame_agreement:.1%} of {self.num_frames:,} frames"
        )
        if self.accuracy is not None:
            text += f"; top-1 {self.accuracy:.1%}, Keras {self.keras_accuracy:.1%}"
        return text


def keras_logits(model: "keras.Model", clips: "SampleClips", online: bool) -> np.ndarray:
    """Returns the logits that a file must compute, according to the Keras *clip* model.

    The clip model does not contain the streaming graph, so a wrong cache cannot hide in both.

    Returns:
        `float32 [N, T, num_classes]`, with T = 1 for a clip file.
    """
    import keras

    num_frames = clips.frames.shape[1]
    if online:
        model = model.per_frame(num_segments=num_frames)
    # Eager calls: `predict` would spend seconds on compiling for these few clips.
    logits = [
        keras.ops.convert_to_numpy(model(clip[None], training=False))[0] for clip in clips.frames
    ]
    return np.stack(logits).reshape(len(logits), -1, model.spec.num_classes)


def prove(
    path: pathlib.Path,
    clips: "SampleClips",
    expected: np.ndarray,
    runtime: str = "auto",
    unchecked: bool = False,
) -> Proof:
    """Compares a file with the logits of its Keras model.

    Args:
        path: a file of `export.tflite`.
        clips: clips with `num_segments` frames for a clip model, or of any length for an online
            model.
        expected: from `keras_logits`.
        runtime: what runs the file; see `load_engine`.
        unchecked: see `StreamRunner`.

    Raises:
        InputError: the file does not forget everything on a reset.
    """
    runner = load_runner(path, runtime=runtime, unchecked=unchecked)
    return _compare(run_clips(runner, clips, path), expected, clips)


def run_clips(
    runner: StreamRunner | ClipRunner,
    clips: "SampleClips",
    path: pathlib.Path,
) -> np.ndarray:
    """Returns the logits of a file on clips; see `prove`.

    Returns:
        `float32 [N, T, num_classes]`, with T = 1 for a clip file.
    """
    if isinstance(runner, StreamRunner):
        return _stream(runner, clips.frames, path)
    return np.stack([runner(clip) for clip in clips.frames])[:, None]


def _stream(runner, frames, path):
    """Returns logits `[N, T, num_classes]`; the first group of clips is streamed twice."""
    width, num_frames = runner.num_streams, frames.shape[1]

    def stream_group(group):
        runner.reset()
        steps = in_steps(frames[group], runner.frames_per_step)
        logits = [runner.step(step.reshape(runner.shape)) for step in steps]
        logits = np.stack(logits).reshape(-1, width, logits[0].shape[-1])
        return logits[:num_frames].swapaxes(0, 1)

    # Each group has as many clips as the file has streams; the first clips fill up the last group.
    num_groups = -(-len(frames) // width)
    groups = np.arange(num_groups * width).reshape(num_groups, width) % len(frames)

    logits = [stream_group(group) for group in groups]
    if not np.array_equal(stream_group(groups[0]), logits[0], equal_nan=True):
        raise InputError("model", "must give the same logits after a reset", str(path))
    return np.concatenate(logits)[: len(frames)]


def _compare(actual, expected, clips):
    difference = np.abs(actual - expected).max() / max(1.0, np.abs(expected).max() / 10)
    top1, keras_top1 = actual.mean(1).argmax(-1), expected.mean(1).argmax(-1)
    labels = clips.labels
    return Proof(
        difference=float(difference),
        agreement=float((top1 == keras_top1).mean()),
        frame_agreement=float((actual.argmax(-1) == expected.argmax(-1)).mean()),
        num_streams=len(actual),
        num_frames=int(np.prod(clips.frames.shape[:2])),
        accuracy=None if labels is None else float((top1 == labels).mean()),
        keras_accuracy=None if labels is None else float((keras_top1 == labels).mean()),
    )


def define_flags():
    flags.DEFINE_string("model", None, "A file of `python -m export.tflite`.", required=True)
    flags.DEFINE_string(
        "checkpoint",
        None,
        "Checkpoint that the file was made from: a folder, or preset:NAME.",
        required=True,
    )
    data_flags.define()
    flags.DEFINE_string(
        "split", "val", "Which videos to use: train, val, test, or the name of a list file."
    )
    flags.DEFINE_integer(
        "num_videos",
        100,
        "Number of videos, spread evenly over the list.",
        lower_bound=1,
    )
    flags.DEFINE_enum("runtime", "auto", ["auto", *RUNTIMES], "What runs the file.")
    flags.DEFINE_bool("unchecked", False, UNCHECKED)


def main():
    values = flags.FLAGS
    path = pathlib.Path(values.model)
    contents = read_contents(path, values.unchecked)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    which = values.split, values.num_videos
    if contents.is_detector:
        from export.detection_parity import prove_detector
        from tsm_tf.detection.data.listing import open_detection_data

        listing = open_detection_data(values.data)
        clips, expected = _detections(contents, values.checkpoint, listing, *which)
        proof = prove_detector(path, clips, expected, values.runtime, values.unchecked)
    else:
        listing = data_flags.read(values.split)
        clips, expected = _logits(contents, values.checkpoint, listing, *which)
        proof = prove(path, clips, expected, values.runtime, values.unchecked)

    print(f"{path} ({contents.variant}) {proof}")
    if contents.variant == "float32" and not proof.difference <= TOLERANCE:
        rule = f"must differ from Keras by at most {TOLERANCE}"
        raise InputError("model", rule, f"{proof.difference:.2e}")


def _logits(contents, checkpoint, listing, split, num_videos):
    """Returns clips, and the logits of a classifier's checkpoint on them."""
    from export.sample_clips import from_videos
    from tsm_tf.weights.checkpoint import load_checkpoint, load_spec
    from tsm_tf.weights.presets.load import resolve_checkpoint

    folder = resolve_checkpoint(checkpoint)
    _check_same(load_spec(folder), contents)
    clips = from_videos(contents.spec, listing, split, num_videos)
    return clips, keras_logits(load_checkpoint(folder), clips, contents.is_online)


def _detections(contents, checkpoint, listing, split, num_videos):
    """Returns clips, and the detections of a detector's checkpoint in them."""
    from export.detection_clips import from_annotated
    from export.detection_parity import keras_detections
    from tsm_tf.detection.checkpoint import load_detector, load_detector_spec

    _check_same(load_detector_spec(checkpoint), contents)
    clips = from_annotated(contents.spec, listing, split, num_videos)
    return clips, keras_detections(load_detector(checkpoint), clips)


def _check_same(spec, contents):
    if spec != contents.spec:
        rule = "must be the one that the model was made from; its spec differs"
        raise InputError("checkpoint", rule, contents.model.path)


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
