"""Reads the outputs of a detector's file."""

import numpy as np

from export.format.metadata import BOXES, CLASSES, COUNT, SCORES
from tsm_tf.any_spec import AnySpec
from tsm_tf.detection.detections import Detections
from tsm_tf.detector_spec import DetectorSpec


def result_shapes(spec: AnySpec) -> dict[str, tuple[int, ...] | None]:
    """Returns the outputs other than caches, with their shapes where they are the same for all."""
    if not isinstance(spec, DetectorSpec):
        return {"logits": None}
    count = spec.max_detections
    return {BOXES: (1, count, 4), CLASSES: (1, count), SCORES: (1, count), COUNT: (1,)}


def read_detections(results: dict[str, np.ndarray], spec: DetectorSpec) -> Detections:
    """Returns the detections in the outputs of a file, in pixels of its input."""
    count = int(np.clip(np.nan_to_num(results[COUNT][0]), 0, spec.max_detections))
    ymin, xmin, ymax, xmax = results[BOXES][0, :count].T
    boxes = np.stack([xmin, ymin, xmax, ymax], axis=1)
    boxes *= np.array([spec.input_width, spec.input_height] * 2, np.float32)
    # Whatever a damaged model gives, a class has a label.
    classes = np.clip(np.nan_to_num(results[CLASSES][0, :count]), 0, spec.num_classes - 1)
    return Detections(boxes, classes.astype(np.int32), results[SCORES][0, :count])
