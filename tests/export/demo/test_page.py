import csv
import json

import pytest

from export.demo.page import write_page
from export.demo.step import Step
from tsm_tf import ModelSpec

SPEC = ModelSpec(num_classes=2, labels=("left", "<right>"), shift_div=8)
STEPS = [Step("train TSM", ("tsm_tf.training", "--epochs=1")), Step("measure latency", ("x",))]
STREAMS = {
    "tsm": {
        "event_f1": 0.9875,
        "levenshtein_accuracy": 0.9625,
        "false_alarms_per_hour": 2.04,
        "background_minutes": 30.4,
        "delay_median_s": 0.754,
        "delay_median_share": 0.416,
        "late_frame_accuracy": 0.925,
    },
    "tsn": {
        "event_f1": 0.25,
        "levenshtein_accuracy": -0.125,
        "false_alarms_per_hour": None,
        "background_minutes": None,
        "delay_median_s": None,
        "delay_median_share": None,
        "late_frame_accuracy": 0.4375,
    },
}
RUNS = {"tsm": {"clip_epochs": 10, "epochs": 36}, "tsn": {"clip_epochs": 3, "epochs": 7}}


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

        (tmp_path / "streams" / name).mkdir(parents=True)
        (tmp_path / "streams" / name / "stream.json").write_text(json.dumps(STREAMS[name]))
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(RUNS[name]))

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
    assert write_page(output, SPEC, STEPS) == {
        "tsm": {"top1": 0.75, "event_f1": 0.9875},
        "tsn": {"top1": 0.5, "event_f1": 0.25},
    }
    page = (output / "index.html").read_text(encoding="utf-8")
    for text in (
        '<td>14 single videos, top-1</td><td class="n">75.0%</td><td class="n">50.0%</td>',
        '<td>events, F1</td><td class="n">98.8%</td><td class="n">25.0%</td>',
        'accuracy</td><td class="n">96.2%</td><td class="n">-12.5%</td>',
        'background</td><td class="n">2.0 (30 min)</td><td class="n">–</td>',
        'gesture</td><td class="n">0.75 s (42% of the gesture)</td><td class="n">–</td>',
        'each gesture</td><td class="n">92.5%</td><td class="n">43.8%</td>',
        'streams</td><td class="n">10 + 36</td><td class="n">3 + 7</td>',
        "To save time, the TSN was trained for fewer epochs.",
        'src="streams/tsm/timeline.png"',
        'src="streams/tsn/timeline.png"',
        'src="demo.gif"',
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
    assert "contact_sheet.png" not in page and "cam.png" not in page
    assert not list(output.glob(".writing*"))


def test_rendered_gestures_have_a_contact_sheet_and_maps(output):
    for name in ("data/contact_sheet.png", "cam/cam.png"):
        (output / name).parent.mkdir()
        (output / name).touch()
    write_page(output, SPEC, STEPS)
    page = (output / "index.html").read_text(encoding="utf-8")
    assert 'src="data/contact_sheet.png"' in page and "5/9 = 55.6%" in page
    assert 'src="cam/cam.png"' in page and 'href="cam/cam.mp4"' in page


def test_links_the_page_for_browsers(output):
    write_page(output, SPEC, STEPS)
    assert "LiteRT.js could not be downloaded" in (output / "index.html").read_text()
    (output / "web").mkdir()
    (output / "web" / "index.html").touch()
    write_page(output, SPEC, STEPS)
    page = (output / "index.html").read_text()
    assert '<a href="web/index.html">' in page and "could not be downloaded" not in page
