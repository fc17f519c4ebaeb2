"""One stream through a detector: the boxes of each frame, for two CSV files and a picture."""

import collections
import time

import numpy as np

from export.live.stream_clock import StreamClock
from export.runtime import StreamRunner
from tsm_tf.camera.box_drawing import draw_boxes
from tsm_tf.camera.panel import GREY, Panel, scaled
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detections import Detections, class_color

COLUMNS = ("frame", "seconds", "detections", "milliseconds")
BOX_COLUMNS = ("frame", "seconds", "label", "score", "x1", "y1", "x2", "y2")
"""Columns of the file of detections. Boxes are in half-open pixels of the video."""

_HEIGHT = 52  # of the panel, for a picture of `MIN_HEIGHT`


class DetectionSession:
    """A stream that runs through a detector.

    Args:
        runner: the detector.
        max_gap: seconds without a frame after which the state is reset; None for no limit.
        threshold: lowest score of the boxes that are shown and recorded.

    Attributes:
        columns: columns of the rows of `step`.
        box_columns: columns of the rows of `box_rows`.
        milliseconds: time that the model took, for each frame.
        shown: what the last frame shows, such as `"2 ring, 1 cross"`.
        event: empty, because detectors recognise no events.
    """

    columns: tuple[str, ...] = COLUMNS
    box_columns: tuple[str, ...] = BOX_COLUMNS
    event = ""

    def __init__(
        self,
        runner: StreamRunner,
        max_gap: float | None,
        threshold: float,
    ):
        self.runner = runner
        self.threshold = threshold
        self.milliseconds: list[float] = []
        self.shown = ""
        self.box_rows: list[dict] = []
        self._clock = StreamClock(max_gap)
        self._found: Detections | None = None
        self._total: collections.Counter[str] = collections.Counter()

    def step(self, number: int, seconds: float, frame: np.ndarray) -> dict:
        """Runs the detector on the next RGB frame, of any size.

        Args:
            number: number of the frame in its source.
            seconds: time of the frame.
            frame: `uint8 [H, W, 3]`.

        Returns:
            The row of the frame (see `COLUMNS`); those of its boxes are in `box_rows`.
        """
        if self._clock.has_gap(seconds):
            self.runner.reset()

        started = time.perf_counter()
        spec = self.runner.spec
        fitted, scale = fit_frame(frame, (spec.input_height, spec.input_width))
        found = self.runner.step(fitted).above(self.threshold)
        milliseconds = 1000 * (time.perf_counter() - started)
        self.milliseconds.append(milliseconds)
        self._clock.note(started)

        height, width = frame.shape[:2]
        boxes = (found.boxes / scale).clip(0, (width, height, width, height))
        self._found = found._replace(boxes=boxes)
        labels = [self.runner.labels[index] for index in found.classes]
        counts = collections.Counter(labels)
        self._total += counts
        self.shown = ", ".join(f"{count} {label}" for label, count in counts.items())

        moment = {"frame": number, "seconds": round(seconds, 3)}
        self.box_rows = [
            {
                **moment,
                "label": label,
                "score": round(float(score), 4),
                **{name: round(float(x), 2) for name, x in zip(BOX_COLUMNS[4:], box, strict=True)},
            }
            for label, score, box in zip(labels, found.scores, boxes, strict=True)
        ]
        return {**moment, "detections": len(labels), "milliseconds": round(milliseconds, 3)}

    def picture(self, frame: np.ndarray) -> np.ndarray:
        """Returns the frame of the last step with its boxes, and a panel below it."""
        picture, found = scaled(frame), self._found
        assert found is not None, "before the first step"
        sizes = picture.shape[1] / frame.shape[1], picture.shape[0] / frame.shape[0]
        texts = [
            f"{self.runner.labels[index]} {score:.0%}"
            for index, score in zip(found.classes, found.scores, strict=True)
        ]
        colors = [class_color(int(index)) for index in found.classes]
        # The best one is in front.
        picture = draw_boxes(picture, (found.boxes * (sizes * 2))[::-1], texts[::-1], colors[::-1])

        panel = Panel(picture, _HEIGHT)
        panel.text(self.shown or "–", 18, 16, bold=True)
        panel.text(self._clock.status(self.milliseconds[-1], self.runner.runtime), 40, 11, GREY)
        return np.array(panel.canvas)

    def summary(self) -> list[str]:
        """Returns lines about the whole stream."""
        lines = [f"{self._total.total()} detections with a score of at least {self.threshold:g}"]
        return lines + [f"  {count:5}  {label}" for label, count in self._total.most_common()]
