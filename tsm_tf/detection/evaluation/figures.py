"""All figures of a detector on a split, and the files with them."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tsm_tf.detection.evaluation.class_accuracy import (
    ClassAccuracy,
    class_accuracies,
    false_alarms,
)
from tsm_tf.detection.evaluation.coco_ap import coco_ap50
from tsm_tf.detection.evaluation.precision_recall import Curve, mean_average_precision
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes
from tsm_tf.detection.evaluation.vid_ap import GROUPS, vid_curves
from tsm_tf.files import write_csv, write_text

CSV_FILE = "average_precision.csv"
CLASS_CSV_FILE = "class_accuracy.csv"
JSON_FILE = "results.json"
COCO = "coco_ap50"
MEAN = "mean"
"""The row of the CSV file with the mean over the classes."""


@dataclasses.dataclass(frozen=True, eq=False)
class Figures:
    """A detector's results on a split.

    Args:
        labels: names of the classes.
        curves: for each group of `GROUPS`, a curve per class; None for a class without objects.
        coco: the AP50 of each class, as COCO computes it; None if it was not asked for.
        class_accuracies: whether found objects have the right class.
        false_alarms: alarms per 100 frames where there is no object.
    """

    labels: tuple[str, ...]
    curves: Mapping[str, Sequence[Curve | None]]
    coco: Sequence[float | None] | None
    class_accuracies: Sequence[ClassAccuracy]
    false_alarms: float

    def mean(self, group: str) -> float | None:
        """Returns the mAP of a group; None without objects."""
        return mean_average_precision(self.curves[group])

    @property
    def mean_coco(self) -> float | None:
        """COCO's mAP50; None if it was not asked for, or without objects."""
        values = [value for value in self.coco or () if value is not None]
        return sum(values) / len(values) if values else None


def compute_figures(
    detected: DetectedBoxes,
    true: TrueBoxes,
    labels: tuple[str, ...],
    with_coco: bool = False,
    show: Callable[[int], object] = lambda count: None,
) -> Figures:
    """Computes the figures of a detector.

    Args:
        detected: its detections.
        true: the true boxes.
        labels: names of the classes.
        with_coco: also computes COCO's AP50.
        show: called with the number of classes that are done.
    """
    rows = []
    for number in range(len(labels)):
        rows.append(vid_curves(detected, true, number))
        show(number + 1)

    columns = zip(*rows, strict=True)
    return Figures(
        labels,
        {group.name: list(column) for group, column in zip(GROUPS, columns, strict=True)},
        [coco_ap50(detected, true, c) for c in range(len(labels))] if with_coco else None,
        class_accuracies(detected, true),
        false_alarms(detected, true),
    )


def write_figures(output: pathlib.Path, results: Mapping[str, Figures]) -> None:
    """Writes the CSV files and the JSON file.

    Args:
        output: the folder.
        results: the figures by the detector's name.
    """
    write_csv(
        output / CSV_FILE,
        [row for name, figures in results.items() for row in _rows(name, figures)],
    )
    write_csv(
        output / CLASS_CSV_FILE,
        [
            {
                "detector": name,
                "frames": row.frames,
                "motion": row.motion,
                "objects": row.num_objects,
                "found": _round(row.found),
                "class_accuracy": _round(row.accuracy),
            }
            for name, figures in results.items()
            for row in figures.class_accuracies
        ],
    )
    summary = {name: _summary(figures) for name, figures in results.items()}
    write_text(output / JSON_FILE, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def _rows(name: str, figures: Figures):
    """Yields a row per class, and one with the mean."""
    coco = figures.coco
    for number, label in enumerate(figures.labels):
        curves = {group.name: figures.curves[group.name][number] for group in GROUPS}
        curve = curves["all"]
        row = {"detector": name, "class": label, "objects": curve.num_objects if curve else 0}
        row |= {group: _round(c and c.average_precision) for group, c in curves.items()}
        yield row | ({} if coco is None else {COCO: _round(coco[number])})

    counts = [curve.num_objects for curve in figures.curves["all"] if curve]
    row = {"detector": name, "class": MEAN, "objects": sum(counts)}
    row |= {group.name: _round(figures.mean(group.name)) for group in GROUPS}
    yield row | ({} if coco is None else {COCO: _round(figures.mean_coco)})


def _summary(figures: Figures) -> dict[str, Any]:
    return {
        "mAP": {group.name: figures.mean(group.name) for group in GROUPS},
        COCO: figures.mean_coco,
        "false_alarms_per_100_frames": figures.false_alarms,
        "class_accuracy": [
            {**dataclasses.asdict(row), "found": row.found, "accuracy": row.accuracy}
            for row in figures.class_accuracies
        ],
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
