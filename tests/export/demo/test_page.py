import csv
import json

import pytest

from export.demo.page import write_page
from export.demo.steps import Step
from tsm_tf import ModelSpec

SPEC = ModelSpec(num_classes=2, labels=("left", "<right>"), shift_div=8)
STEPS = [Step("train TSM", ("tsm_tf.training", "--epochs=1")), Step("measure latency", ("x",))]


@pytest.fixture
def output(tmp_path):
    """What the steps leave behind."""
    for name, top1, recalls in (("tsm", 0.75, (1.0, 0.5)), ("tsn", 0.5, (None, 0.125))):
        folder = tmp_path / "evaluation" / name
        folder.mkdir(parents=True)
        per_class = [
            {"class": label, "recall": recall, "precision": 1.0, "videos": 7}
            for label, recall in zip(SPEC.labels, recalls, strict=True)
        ]
        metrics = {"top1": top1, "top5": 1.0, "videos": 14, "per_class": per_class}
        (folder / "metrics.json").write_text(json.dumps(metrics))

    (tmp_path / "benchmark").mkdir()
    columns = ("model", "p50_ms", "p90_ms", "p99_ms", "ratio", "runtime", "threads", "device")
    with (tmp_path / "benchmark" / "latency.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerow(
            dict(zip(columns, ("m", 1.5, 2.5, 3.5, 1.25, "rt 2", 1, "cpu X"), strict=True))
        )

    model = tmp_path / "export" / "tsm" / "m.tflite"
    model.parent.mkdir(parents=True)
    model.write_bytes(bytes(3 * 2**19))
    return tmp_path


def test_page_has_every_result(output):
    assert write_page(output, SPEC, STEPS) == {"tsm": 0.75, "tsn": 0.5}
    page = (output / "index.html").read_text(encoding="utf-8")
    for text in (
        "75.0%",
        "14 unseen videos",
        '<td>left</td><td class="n">100.0%</td><td class="n">–</td>',
        '<td>&lt;right&gt;</td><td class="n">50.0%</td><td class="n">12.5%</td>',
        "1.5 ms",
        "cpu X",
        "export/tsm/m.tflite</a>, 1.50 MiB",
        "python -m tsm_tf.training --epochs=1",
        "logs/train_TSM.txt",
        "numpy ",
    ):
        assert text in page, text
    assert "contact_sheet.png" not in page and not list(output.glob(".writing*"))


def test_rendered_gestures_have_a_contact_sheet(output):
    (output / "data").mkdir()
    (output / "data" / "contact_sheet.png").touch()
    write_page(output, SPEC, STEPS)
    page = (output / "index.html").read_text(encoding="utf-8")
    assert 'src="data/contact_sheet.png"' in page and "5/9 = 55.6%" in page
