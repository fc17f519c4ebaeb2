"""Writes the demo's page: the models, their accuracy and speed, and the command of each step."""

import csv
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from export.demo.step import Step
from export.demo.steps import MODES, WEB
from tsm_tf.any_spec import AnySpec
from tsm_tf.data.synthetic.render import CONTACT_SHEET
from tsm_tf.evaluation.report import METRICS_FILE
from tsm_tf.evaluation.stream.report import FIGURES_FILE
from tsm_tf.files import write_text
from tsm_tf.html_page import render_page
from tsm_tf.training.run_folder.run_settings import RUN_FILE
from tsm_tf.versions import installed_versions

_TEMPLATE = pathlib.Path(__file__).with_name("index.html.jinja")
_PACKAGES = ("tensorflow", "keras", "tflite-runtime", "numpy", "av")


def write_page(
    output: pathlib.Path,
    spec: AnySpec,
    steps: Sequence[Step],
) -> dict[str, dict[str, float]]:
    """Writes `index.html` from the results of the steps.

    Args:
        output: the demo's folder, which has the results.
        spec: the TSM's spec.
        steps: the steps that ran.

    Returns:
        For `"tsm"` and `"tsn"`, `top1` on clips and `event_f1` in streams, 0..1.
    """
    metrics = {name: _read_json(output / "evaluation" / name / METRICS_FILE) for name in MODES}
    streams = {name: _read_json(output / "streams" / name / FIGURES_FILE) for name in MODES}
    classes = [
        (tsm["class"], tsm["recall"], tsn["recall"], tsm["videos"])
        for tsm, tsn in zip(metrics["tsm"]["per_class"], metrics["tsn"]["per_class"], strict=True)
    ]
    with (output / "benchmark" / "latency.csv").open(encoding="utf-8") as file:
        latency = list(csv.DictReader(file))
    versions = installed_versions(_PACKAGES)

    page = render_page(
        _TEMPLATE,
        metrics=metrics,
        streams=streams,
        figures=[(name, *map(show, streams.values())) for name, show in _FIGURES.items()],
        runs={name: _read_json(output / name / RUN_FILE) for name in MODES},
        classes=classes,
        latency=latency,
        files=[
            (path.relative_to(output).as_posix(), path.stat().st_size / 2**20)
            for path in sorted(output.glob("export/*/*.tflite"))
        ],
        rendered=(output / "data" / CONTACT_SHEET).is_file(),
        mapped=(output / "cam" / "cam.png").is_file(),
        web=WEB if (output / WEB / "index.html").is_file() else None,
        steps=steps,
        spec=spec,
        versions=[f"{name} {version}" for name, version in versions.items()],
    )
    write_text(output / "index.html", page)
    return {
        name: {"top1": metrics[name]["top1"], "event_f1": streams[name]["event_f1"]}
        for name in MODES
    }


def _read_json(path: pathlib.Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _alarms(figures: Mapping[str, Any]) -> str:
    alarms, minutes = figures["false_alarms_per_hour"], figures["background_minutes"]
    return "–" if alarms is None else f"{alarms:.1f} ({minutes:.0f} min)"


def _delay(figures: Mapping[str, Any]) -> str:
    delay, share = figures["delay_median_s"], figures["delay_median_share"]
    return "–" if delay is None else f"{delay:.2f} s ({share:.0%} of the gesture)"


_FIGURES = {
    "events, F1": lambda figures: f"{figures['event_f1']:.1%}",
    "sequence of events, Levenshtein accuracy": lambda f: f"{f['levenshtein_accuracy']:.1%}",
    "false alarms per hour of background": _alarms,
    "median delay after the start of a gesture": _delay,
    "frames in the second half of each gesture": lambda f: f"{f['late_frame_accuracy']:.1%}",
}
"""Rows of the table of streams, from the figures of `stream.json`."""
