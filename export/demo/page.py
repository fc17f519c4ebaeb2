"""The demo's page: what was trained, how well, how fast, and the commands that repeat each step."""

import csv
import json
import pathlib

import jinja2

from tsm_tf.files import replacing
from tsm_tf.spec import ModelSpec
from tsm_tf.versions import installed_versions

_PACKAGES = ("tensorflow", "keras", "tflite-runtime", "numpy", "av")


def write_page(output: pathlib.Path, steps) -> dict[str, float]:
    """Writes `index.html` from what the steps left in the folder; returns top-1 by model."""
    metrics = {
        name: _read_json(output / "evaluation" / name / "metrics.json") for name in ("tsm", "tsn")
    }
    with (output / "benchmark" / "latency.csv").open(encoding="utf-8") as file:
        latency = list(csv.DictReader(file))
    spec = ModelSpec.from_json((output / "tsm" / "best" / "spec.json").read_text(encoding="utf-8"))
    classes = [
        (tsm["class"], tsm["recall"], tsn["recall"], tsm["videos"])
        for tsm, tsn in zip(metrics["tsm"]["per_class"], metrics["tsn"]["per_class"], strict=True)
    ]
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent)
    )
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    page = environment.get_template("index.html.jinja").render(
        metrics=metrics,
        classes=classes,
        latency=latency,
        files=[
            (str(p.relative_to(output)), p.stat().st_size / 2**20)
            for p in sorted(output.glob("export/*/*.tflite"))
        ],
        rendered=(output / "data" / "contact_sheet.png").is_file(),
        steps=steps,
        spec=spec,
        versions=[f"{name} {version}" for name, version in installed_versions(_PACKAGES).items()],
    )
    with replacing(output / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return {name: values["top1"] for name, values in metrics.items()}


def _read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
