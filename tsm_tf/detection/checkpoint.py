"""Checkpoint folders of detectors: `spec.json` and `model.weights.h5`, as for classifiers."""

import os

from tsm_tf.detection.rfcn import DetectorModel, build_detector
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.weights.checkpoint import find_checkpoint, load_weights, read_spec, save_checkpoint


def save_detector(model: DetectorModel, directory: str | os.PathLike) -> None:
    """Writes a detector's spec and weights; both files are replaced atomically.

    Args:
        model: from `build_detector` or `load_detector`.
        directory: created if it does not exist; a checkpoint in it is replaced, other files stay.

    Raises:
        OSError: it cannot be written; an existing checkpoint is unchanged.
    """
    save_checkpoint(model, directory)


def load_detector(directory: str | os.PathLike) -> DetectorModel:
    """Returns the detector of a checkpoint folder.

    Args:
        directory: the folder, or that of a training run.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: it is that of a classifier, the spec cannot be built, or the weights do not
            match it.
    """
    folder = find_checkpoint(directory)
    spec = load_detector_spec(folder)
    return load_weights(folder, lambda: build_detector(spec))


def load_detector_spec(directory: str | os.PathLike) -> DetectorSpec:
    """Returns the spec of a checkpoint folder without loading its weights.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: it is that of a classifier, or cannot be built.
    """
    return DetectorSpec.from_json(read_spec(find_checkpoint(directory)))
