"""Writes the page of the demo of detection: precision by motion, curves, videos, latency."""

import csv
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from export.demo.detection.steps import (
    PER_FRAME,
    STREAMED,
    TSM,
    evaluation_folder,
    model_path,
)
from export.demo.step import Step
from tsm_tf.any_spec import AnySpec
from tsm_tf.detection.data.synthetic.pictures import CONTACT_SHEET
from tsm_tf.detection.evaluation.figures import JSON_FILE
from tsm_tf.files import write_text
from tsm_tf.html_page import render_page
from tsm_tf.versions import installed_versions

NAMES = {"per_frame": "R-FCN, per frame", "tsm": "online TSM", "fgfa": "FGFA"}

_TEMPLATE = pathlib.Path(__file__).parent.with_name("detection.html.jinja")
_PACKAGES = ("tensorflow", "keras", "tflite-runtime", "numpy", "av")


def write_page(
    output: pathlib.Path,
    spec: AnySpec,
    steps: Sequence[Step],
    with_fgfa: bool = False,
) -> dict[str, dict[str, float | None]]:
    """Writes `index.html` from the results of the steps.

    Args:
        output: the demo's folder, which has the results.
        spec: the spec of TSM's detector.
        steps: the steps that ran.
        with_fgfa: whether FGFA was evaluated too.

    Returns:
        For each detector, the mAP by motion, 0..1.
    """
    evaluation = evaluation_folder(with_fgfa)
    text = (output / evaluation / JSON_FILE).read_text(encoding="utf-8")
    results: dict[str, dict[str, Any]] = json.loads(text)
    with (output / "benchmark" / "latency.csv").open(encoding="utf-8") as file:
        latency = list(csv.DictReader(file))
    versions = installed_versions(_PACKAGES)

    page = render_page(
        _TEMPLATE,
        names=NAMES,
        evaluation=evaluation,
        results=results,
        gains=_gains(results),
        accuracies=_accuracies(results),
        latency=latency,
        files=[
            (path.relative_to(output).as_posix(), path.stat().st_size / 2**20)
            for path in (model_path(output, name) for name in STREAMED)
        ],
        contact_sheet=f"data/{CONTACT_SHEET}",
        steps=steps,
        spec=spec,
        versions=[f"{name} {version}" for name, version in versions.items()],
    )
    write_text(output / "index.html", page)
    return {name: figures["mAP"] for name, figures in results.items()}


def _gains(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Returns what TSM gains over single frames, in points, by group of objects."""
    pairs = {group: (results[PER_FRAME]["mAP"][group], value) for group, value in _of_tsm(results)}
    return {
        group: "–" if None in pair else f"{100 * (pair[1] - pair[0]):+.1f}"
        for group, pair in pairs.items()
    }


def _of_tsm(results):
    return results[TSM]["mAP"].items()


def _accuracies(results: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, list[Any]]]:
    """Returns rows of frames, motion, and the class accuracy of each detector."""
    tables = [
        {(row["frames"], row["motion"]): row["accuracy"] for row in figures["class_accuracy"]}
        for figures in results.values()
    ]
    return [(*key, [table[key] for table in tables]) for key in tables[0] if key[0] != "all"]
