"""True and detected boxes for tests of the evaluation of detectors, and videos with pictures."""

import cv2
import numpy as np

from tsm_tf.detection.data.annotated import AnnotatedFrame, AnnotatedVideo
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes

HALF_OPEN = np.array([0.0, 0.0, 1.0, 1.0])


def true_boxes(rows, num_frames, degraded=None):
    """Rows of frame, class, x1, y1, x2, y2, motion IoU; everything from 0 and half-open."""
    rows = np.array(rows, float).reshape(-1, 7)
    return TrueBoxes(
        rows[:, 0].astype(int),
        rows[:, 1].astype(int),
        rows[:, 2:6],
        rows[:, 6],
        num_frames,
        degraded if degraded is None else np.array(degraded, bool),
    )


def detected_boxes(rows):
    """Rows of frame, class, score, x1, y1, x2, y2; everything from 0 and half-open."""
    rows = np.array(rows, float).reshape(-1, 7)
    return DetectedBoxes(
        rows[:, 0].astype(int),
        rows[:, 1].astype(int),
        rows[:, 2],
        rows[:, 3:],
    )


def golden_boxes(golden):
    """The true and detected boxes of the golden file, whose frames and classes start at 1."""
    true, detected = golden["vid/ground_truth"].copy(), golden["vid/detections"].copy()
    for rows, corners in ((true, slice(2, 6)), (detected, slice(3, 7))):
        rows[:, :2] -= 1
        rows[:, corners] += HALF_OPEN
    return true_boxes(true, int(golden["vid/num_frames"])), detected_boxes(detected)


def write_annotated_video(folder, name, boxes, classes, first_id=1, size=(40, 60), degraded=False):
    """Writes one PNG per frame; `boxes` is `[T, M, 4]`, with one track per object."""
    (folder / name).mkdir(parents=True)
    frames = []
    for number, in_frame in enumerate(np.array(boxes, np.float32)):
        picture = np.full((*size, 3), 20 + 10 * number, np.uint8)
        path = str(folder / name / f"{number:06}.png")
        cv2.imwrite(path, picture)
        count = len(in_frame)
        frames.append(
            AnnotatedFrame(
                path,
                size[1],
                size[0],
                in_frame,
                np.array(classes[:count], np.int32),
                np.arange(count, dtype=np.int32),
                np.full(count, degraded and number > 0),
            )
        )
    return AnnotatedVideo(name, frames, first_id)
