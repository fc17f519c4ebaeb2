"""Does a file compute what the Keras model computes? Checked before an export is called done, and by

python -m export.parity --model=FILE --checkpoint=DIR --data=DIR

on videos of one's own.
"""

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from export.format.metadata import read_contents
from export.runtime import ClipRunner, StreamRunner
from export.runtime.interpreter import RUNTIMES
from tsm_tf import cli
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    from export.sample_streams import Streams

TOLERANCE = 1e-4
"""Of the logits of a float32 file; see `Proof.difference`."""

AGREEMENT = 0.97
"""Below this share of streams with Keras' top-1, a quantised file is worth a warning."""


@dataclasses.dataclass(frozen=True)
class Proof:
    """How a file compares with Keras on streams, each from a cold start.

    Args:
        difference: largest of any logit; where logits are beyond 10, which float32 holds less finely, relative to the
            largest over 10.
        agreement: share of streams with the same top-1 of the logits' mean over the frames, 0..1.
        frame_agreement: share of frames with the same top-1, 0..1; of clips with a clip model.
        num_streams, num_frames: that were compared.
        accuracy, keras_accuracy: top-1 of the streams, 0..1; None without labels.
    """

    difference: float
    agreement: float
    frame_agreement: float
    num_streams: int
    num_frames: int
    accuracy: float | None = None
    keras_accuracy: float | None = None

    def __str__(self):
        text = f"differs from Keras by at most {self.difference:.2e}; top-1 agrees on {self.agreement:.1%} of "
        text += f"{self.num_streams} streams and {self.frame_agreement:.1%} of {self.num_frames:,} frames"
        if self.accuracy is not None:
            text += f"; top-1 {self.accuracy:.1%}, Keras {self.keras_accuracy:.1%}"
        return text


def keras_logits(model, streams: "Streams", online: bool) -> np.ndarray:
    """Returns what a file must give: the Keras *clip* model's logits, `[N, T, num_classes]`, T 1 for a clip file.

    The clip model never sees the streaming graph, so a wrong cache cannot hide in both.
    """
    import keras

    if online:
        model = model.per_frame(num_segments=streams.frames.shape[1])
    # Eager: `predict` would spend seconds on compiling for the few clips that it sees.
    logits = [
        keras.ops.convert_to_numpy(model(clip[None], training=False))[0] for clip in streams.frames
    ]
    return np.stack(logits).reshape(len(logits), -1, model.spec.num_classes)


def prove(
    path: pathlib.Path, streams: "Streams", expected: np.ndarray, runtime: str = "auto"
) -> Proof:
    """Compares a file with the Keras model that it was made of.

    Args:
        path: a file of `export.tflite`.
        streams: for a clip model, of `num_segments` frames.
        expected: of `keras_logits`.
        runtime: which interpreter; see `load_interpreter`.

    Raises:
        InputError: the file remembers something over a reset.
    """
    if read_contents(path).is_online:
        actual = _stream(StreamRunner(path, runtime=runtime), streams.frames, path)
    else:
        runner = ClipRunner(path, runtime=runtime)
        actual = np.stack([runner(clip) for clip in streams.frames])[:, None]
    return _compare(actual, expected, streams)


def _stream(runner, frames, path):
    """Returns logits [N, T, num_classes]; the first streams go through twice."""
    wide = runner.num_streams
    order = np.arange(-(-len(frames) // wide) * wide) % len(frames)

    def pass_through(group):
        runner.reset()
        batch = frames[group] if wide > 1 else frames[group[0]][None]
        logits = [
            runner.step(batch[:, t] if wide > 1 else batch[0, t]) for t in range(frames.shape[1])
        ]
        return np.stack(logits).reshape(frames.shape[1], wide, -1).swapaxes(0, 1)

    groups = order.reshape(-1, wide)
    logits = [pass_through(group) for group in groups]
    if not np.array_equal(pass_through(groups[0]), logits[0], equal_nan=True):
        raise InputError("model", "must give the same logits after a reset", str(path))
    return np.concatenate(logits)[: len(frames)]


def _compare(actual, expected, streams):
    difference = float(np.abs(actual - expected).max() / max(1.0, np.abs(expected).max() / 10))
    top1, keras_top1 = actual.mean(1).argmax(-1), expected.mean(1).argmax(-1)
    labels = streams.labels
    return Proof(
        difference,
        float((top1 == keras_top1).mean()),
        float((actual.argmax(-1) == expected.argmax(-1)).mean()),
        len(actual),
        int(np.prod(streams.frames.shape[:2])),
        None if labels is None else float((top1 == labels).mean()),
        None if labels is None else float((keras_top1 == labels).mean()),
    )


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("model", None, "A file of `python -m export.tflite`.", required=True)
    flags.DEFINE_string("checkpoint", None, "What it was made of.", required=True)
    flags.DEFINE_string("data", None, "Folder with the list file and labels.txt.", required=True)
    flags.DEFINE_string("split", "val", "Which list file, without .txt.")
    flags.DEFINE_integer("num_videos", 100, "Spread evenly over the list.", lower_bound=1)
    flags.DEFINE_enum("runtime", "auto", ["auto", *RUNTIMES], "Which interpreter.")


def main():
    """Compares and prints; a float32 file that differs is an error."""
    values = flags.FLAGS
    path = pathlib.Path(values.model)
    spec, variant, _, is_online = read_contents(path)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from export.sample_streams import from_videos
    from tsm_tf.weights.checkpoint import load_checkpoint, load_spec

    if load_spec(values.checkpoint) != spec:
        raise InputError(
            "checkpoint",
            "must be the one that the model was made of; its spec is another",
            str(path),
        )
    streams = from_videos(spec, values.data, values.split, values.num_videos)
    expected = keras_logits(load_checkpoint(values.checkpoint), streams, is_online)
    proof = prove(path, streams, expected, values.runtime)
    print(f"{path} ({variant}) {proof}")
    if variant == "float32" and not proof.difference <= TOLERANCE:
        raise InputError(
            "model", f"must differ from Keras by at most {TOLERANCE}", f"{proof.difference:.2e}"
        )


if __name__ == "__main__":
    cli.run(main, define_flags)
