"""Writes the demo's page: the models, their accuracy and speed, and the command of each step."""

import csv
import json
import pathlib
from collections.abc import Sequence

from export.demo.steps import MODES, Step
from export.html_page import render_page
from tsm_tf.data.synthetic.render import CONTACT_SHEET
from tsm_tf.evaluation.report import METRICS_FILE
from tsm_tf.files import write_text
from tsm_tf.spec import ModelSpec
from tsm_tf.versions import installed_versions

_TEMPLATE = pathlib.Path(__file__).with_name("index.html.jinja")
_PACKAGES = ("tensorflow", "keras", "tflite-runtime", "numpy", "av")


def write_page(
    output: pathlib.Path,
    spec: ModelSpec,
    steps: Sequence[Step],
) -> dict[str, float]:
    """Writes `index.html` from the results of the steps.

    Args:
        output: the demo's folder, which has the results.
        spec: the TSM's spec.
        steps: the steps that ran.

    Returns:
        The top-1 accuracy of `"tsm"` and `"tsn"`, 0..1.
    """
    metrics = {
        name: json.loads((output / "evaluation" / name / METRICS_FILE).read_text(encoding="utf-8"))
        for name in MODES
    }
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
        classes=classes,
        latency=latency,
        files=[
            (path.relative_to(output).as_posix(), path.stat().st_size / 2**20)
            for path in sorted(output.glob("export/*/*.tflite"))
        ],
        rendered=(output / "data" / CONTACT_SHEET).is_file(),
        steps=steps,
        spec=spec,
        versions=[f"{name} {version}" for name, version in versions.items()],
    )
    write_text(output / "index.html", page)
    return {name: values["top1"] for name, values in metrics.items()}
