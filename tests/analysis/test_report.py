"""`tsm_tf/analysis/report.py` and `report_page.py`."""

import re

import numpy as np
import pytest
from analysis.run_folders import METRICS, write_result, write_run
from testing import refuses, run_main, video_frames

from tsm_tf import ModelSpec
from tsm_tf.analysis import report
from tsm_tf.analysis.cam_pictures import write_png

HOSTILE = "<script>alert('x')</script>"
SPEC = ModelSpec(
    num_classes=2, labels=("a", HOSTILE), width=0.35, input_size=32, num_segments=4, fps=8.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two trained and evaluated models; the second has no figures of streams."""
    folder = tmp_path_factory.mktemp("report")
    tsm = write_run(folder / "tsm", SPEC, curve=(0.25, 0.75))
    tsn = write_run(folder / "tsn", SPEC.replace(shift_mode="none"))
    classes = [
        [{"class": "a", "recall": a}, {"class": HOSTILE, "recall": b}, {"class": "c", "recall": c}]
        for a, b, c in ((0.5, 1.0, None), (0.625, 0.25, None))
    ]
    write_result(tsm / "evaluation" / "val", tsm, per_class=classes[0])
    write_png(tsm / "evaluation" / "val" / "confusion.png", video_frames(8, 8, 3))
    write_result(folder / "results" / "tsn", tsn, per_class=classes[1], top1=0.5, top5=None)
    write_result(folder / "results" / "tsn10", tsn, protocol="dense", top1=0.55)
    several = {"data": "events", "split": "val", "mAP": 0.625, "per_class": []}
    write_result(folder / "results" / "map", tsn, values=several)
    streams = {"data": "gestures", "event_f1": 0.9, "false_alarms_per_hour": None}
    write_result(tsm / "streams", tsm, "stream.json", streams)

    columns = "model,variant,p50_ms,ratio,threads,runtime,delegate,device\n"
    line = "tsm.tflite,float32,8.0,1.0,2,litert 2,none,Board & Co\n"
    (folder / "results" / "latency.csv").write_text(columns + line)
    maps = write_result(folder / "results" / "maps", tsm, "cam.json", {})
    write_png(maps / "cam.png", np.zeros((4, 4, 3), np.uint8))
    return folder


def rows_of(page):
    """The texts of the cells of each row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]


def test_everything_on_one_page(folder, tmp_path, capsys):
    page_file = tmp_path / "new" / "report.html"
    arguments = f"--results={folder / 'results'}", f"--output={page_file}"
    run_main(report, f"--runs={folder / 'tsm'},{folder / 'tsn'}", *arguments)
    assert "all its figures are ours" in capsys.readouterr().out
    page = page_file.read_text(encoding="utf-8")
    rows = rows_of(page)

    assert ["gestures · val · efficient", "75.0% / 100.0% / 75.0%", "50.0% / – / 43.8%"] in rows
    assert ["gestures · val · dense", "–", "55.0% / 100.0% / 75.0%"] in rows
    assert ["events · val · efficient", "–", "mAP 62.5%"] in rows
    assert ["shift_mode", "unidirectional", "none"] in rows
    assert ["input_size", "32", "32"] in rows and ["labels", "2 names", "2 names"] in rows
    assert ["events, F1", "90.0%", "–"] in rows
    assert ["parameters", "398,690", "398,690"] in rows
    assert ["tsm.tflite", "Board &amp; Co", "litert 2", "2", "8.0", "125.0"] in rows

    escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    classes = rows.index([escaped, "100.0%", "25.0% (-75.0)"])
    assert rows[classes + 1 : classes + 3] == [["a", "50.0%", "62.5% (+12.5)"], ["c", "–", "–"]]
    assert "<script" not in page

    assert page.count("data:image/png;base64,") == 3  # the curves, a confusion matrix, the maps
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_one_run_with_nothing(tmp_path):
    run = write_run(tmp_path / "run", SPEC)
    run_main(report, f"--runs={run}", f"--output={tmp_path / 'a.html'}")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<h1>1 run side by side</h1>" in page and "Latency" not in page


def test_a_page_is_replaced_and_nothing_else(tmp_path):
    run = f"--runs={write_run(tmp_path / 'run', SPEC)}"
    page = tmp_path / "a.html"
    run_main(report, run, f"--output={page}")
    before = page.stat().st_mtime_ns
    run_main(report, run, f"--output={page}")
    assert page.stat().st_mtime_ns > before

    page.write_text("<html>mine</html>")
    with refuses("output", "a page of this command"):
        run_main(report, run, f"--output={page}")
    assert page.read_text() == "<html>mine</html>"
    with refuses("output", ".html"):
        run_main(report, run, f"--output={tmp_path / 'a.txt'}")
    (tmp_path / "b.html").mkdir()
    with refuses("output", "a new file"):
        run_main(report, run, f"--output={tmp_path / 'b.html'}")


def test_damaged_results(tmp_path):
    run = write_run(tmp_path / "run", SPEC)
    write_result(run, run, values={**METRICS})
    (run / "latency.csv").write_text("a,b\n1,2\n")
    with refuses("results", "export.benchmark", "latency.csv"):
        run_main(report, f"--runs={run}", f"--output={tmp_path / 'a.html'}")
    assert not (tmp_path / "a.html").exists()
