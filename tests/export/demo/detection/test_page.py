import csv
import json

import pytest

from export.demo.detection.page import write_page
from export.demo.detection.steps import model_path
from export.demo.step import Step
from tsm_tf.detector_spec import DetectorSpec

SPEC = DetectorSpec(backbone="resnet_small", num_classes=2, labels=("ring", "<cross>"))
STEPS = [Step("train tsm", ("tsm_tf.detection.training", "--epochs=1"))]
PRECISIONS = {
    "per_frame": {"all": 0.845, "slow": 0.956, "medium": 0.922, "fast": 0.593},
    "tsm": {"all": 0.915, "slow": 0.951, "medium": None, "fast": 0.722},
}


def accuracy(frames, motion, share):
    return {"frames": frames, "motion": motion, "accuracy": share}


@pytest.fixture
def output(tmp_path):
    """What the steps leave behind."""
    results = {
        name: {
            "mAP": by_motion,
            "coco_ap50": 0.8125,
            "false_alarms_per_100_frames": 2.625,
            "class_accuracy": [
                accuracy("all", "all", 0.1),
                accuracy("degraded", "fast", by_motion["fast"]),
                accuracy("degraded", "slow", None),
            ],
        }
        for name, by_motion in PRECISIONS.items()
    }
    for folder in ("evaluation", "evaluation_with_fgfa"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "results.json").write_text(json.dumps(results))
        results = {**results, "fgfa": {**results["tsm"], "coco_ap50": None}}

    (tmp_path / "benchmark").mkdir()
    columns = ("model", "p50_ms", "p90_ms", "p99_ms", "ratio", "runtime", "threads", "device")
    with (tmp_path / "benchmark" / "latency.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, ("m", 1.5, 2.5, 3.5, 1.02, "rt 2", 1, "cpu X")])

    for name in ("tsm", "per_frame"):
        model = model_path(tmp_path, name)
        model.parent.mkdir(parents=True)
        model.write_bytes(bytes(3 * 2**19))
    return tmp_path


def test_page_has_every_result(output):
    assert write_page(output, SPEC, STEPS) == PRECISIONS
    page = (output / "index.html").read_text(encoding="utf-8")
    for text in (
        '<td>R-FCN, per frame</td><td class="n">84.5%</td><td class="n">95.6%</td>',
        '<td>online TSM</td><td class="n">91.5%</td><td class="n">95.1%</td><td class="n">–</td>',
        '<td class="n">72.2%</td><td class="n">81.2%</td><td class="n">2.6</td>',
        'points</td><td class="n">+7.0</td><td class="n">-0.5</td><td class="n">–</td>',
        '<td class="n">+12.9</td>',
        '<td>degraded</td><td>fast</td><td class="n">59.3%</td><td class="n">72.2%</td>',
        '<td>degraded</td><td>slow</td><td class="n">–</td><td class="n">–</td>',
        'src="evaluation/boxes.gif"',
        'src="tsm/curves.png"',
        'src="stream/stream.gif"',
        "1.02",
        "cpu X",
        "float32.tflite</a>, 1.50 MiB",
        "python -m tsm_tf.detection.training --epochs=1",
        "&lt;cross&gt;",
        "numpy ",
    ):
        assert text in page, text
    assert "<td>all</td>" not in page and "FGFA</td>" in page  # the paper's
    assert not list(output.glob(".writing*"))


def test_page_with_fgfa(output):
    assert list(write_page(output, SPEC, STEPS, with_fgfa=True)) == ["per_frame", "tsm", "fgfa"]
    page = (output / "index.html").read_text(encoding="utf-8")
    assert 'src="evaluation_with_fgfa/boxes.gif"' in page and 'src="fgfa/curves.png"' in page
    assert '<td>FGFA</td><td class="n">91.5%</td>' in page
