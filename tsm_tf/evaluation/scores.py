"""Scores: the logits of every video of a split, in memory and as one file."""

import dataclasses
import io
import pathlib
import zipfile
from typing import Self

import numpy as np

from tsm_tf.errors import InputError, MissingFile
from tsm_tf.files import replacing
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.spec import ModelSpec

SCORES_FILE = "scores.npz"


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """What a model predicts for each video of a split; reports are computed from it.

    Args:
        logits: `float32 [N, C]`, one row per video in the order of the list file, not rounded.
        labels: `int64 [N]`, the true classes; or `bool [N, C]` for a multi-label model.
        names: the videos, as written in the list file.
        classes: the class names.
        protocol: name of the evaluation protocol.
        spec: spec of the model.
        checkpoint_digest: SHA-256 of the checkpoint's files; empty for a model that was not loaded
            from a checkpoint.

    Raises:
        InputError: no videos, or shapes, types or labels that do not match.

    Example:
        >>> scores = Scores.load(pathlib.Path("runs/tsm/evaluation/val/scores.npz"))
        >>> (scores.predicted == scores.labels).mean()
    """

    logits: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    classes: tuple[str, ...]
    protocol: str
    spec: ModelSpec
    checkpoint_digest: str = ""

    def __post_init__(self):
        shape = (len(self.names), len(self.classes))
        if self.logits.dtype != np.float32 or self.logits.shape != shape or 0 in shape:
            received = f"{self.logits.dtype} {self.logits.shape}"
            rule = f"must be float32 with one row per video and one column per class, {shape}"
            raise InputError("logits", rule, received)

        dtype, expected = ("bool", shape) if self.spec.multi_label else ("int64", shape[:1])
        if self.labels.dtype != dtype or self.labels.shape != expected:
            received = f"{self.labels.dtype} {self.labels.shape}"
            raise InputError("labels", f"must be {dtype} with shape {expected}", received)
        if self.spec.multi_label:
            return

        wrong = self.labels[(self.labels < 0) | (self.labels >= shape[1])]
        if wrong.size:
            raise InputError("labels", f"must be from 0 to {shape[1] - 1}", int(wrong[0]))

    @property
    def predicted(self) -> np.ndarray:
        """The class with the largest logit of each video, `int64 [N]`.

        For a multi-label model, whether each class reaches its threshold, `bool [N, C]`.
        """
        if self.spec.multi_label:
            return sigmoid(self.logits) >= np.array(self.spec.class_thresholds)
        return self.logits.argmax(axis=1)

    def save(self, path: pathlib.Path) -> None:
        """Writes one `.npz` file, atomically; it holds no pickled objects."""
        buffer = io.BytesIO()  # numpy cannot close its archive on a full disk
        np.savez(
            buffer,
            logits=self.logits,
            labels=self.labels,
            names=np.array(self.names),
            classes=np.array(self.classes),
            protocol=np.array(self.protocol),
            spec=np.array(self.spec.to_json()),
            checkpoint_digest=np.array(self.checkpoint_digest),
        )
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Returns the scores in a file that `save` wrote.

        Raises:
            MissingFile: there is no such file.
            InputError: it is damaged, or is not a file of scores.
        """
        if not path.is_file():
            raise MissingFile("scores", "must be an existing file", str(path))

        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(
                    logits=arrays["logits"],
                    labels=arrays["labels"],
                    names=tuple(arrays["names"].tolist()),
                    classes=tuple(arrays["classes"].tolist()),
                    protocol=str(arrays["protocol"]),
                    spec=ModelSpec.from_json(str(arrays["spec"])),
                    checkpoint_digest=str(arrays["checkpoint_digest"]),
                )
        except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            rule = f"must be an intact file of scores ({error})"
            raise InputError("scores", rule, str(path)) from error
