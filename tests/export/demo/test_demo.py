"""The command `python -m export.demo`."""

import itertools
import subprocess
import sys

import pytest
from videos import write_data

from export.demo.steps import QUICK, plan
from export.demo.unseen import read_truth
from export.format.metadata import read_spec


def test_refuses_a_folder_with_something_else(tmp_path):
    (tmp_path / "mine").touch()
    done = subprocess.run(
        [sys.executable, "-m", "export.demo", f"--output={tmp_path}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "`output` must be a new or empty folder" in done.stderr


@pytest.mark.slow
def test_whole_demo_small(tmp_path):
    flags = ["--quick", f"--output={tmp_path / 'demo'}"]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "export.demo", *flags], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    has_web = (tmp_path / "demo" / "web" / "index.html").is_file()  # if there is npm
    assert done.stdout.count("done before") == len(plan(tmp_path, None, QUICK)) - (not has_web)
    page = (tmp_path / "demo" / "index.html").read_text()
    for name in (
        "demo.gif",
        "streams/tsm/timeline.png",
        "streams/tsn/timeline.png",
        "stream/stream.mp4",
        "unseen.csv",
        "stream/events.jsonl",
        "tsm/curves.png",
        "evaluation/tsn/confusion.png",
        "data/contact_sheet.png",
        "cam/cam.png",
    ):
        assert name in page and (tmp_path / "demo" / name).is_file()
    assert "python -m export.live" in page and "fewer epochs" not in page
    model = tmp_path / "demo" / "export" / "tsm" / "mobilenet_v2_online_float32.tflite"
    assert read_spec(model).events is not None  # the rules that were fitted


@pytest.mark.slow
def test_own_videos_without_background(tmp_path):
    """The stream has no pauses, and the figures of background are dashes."""
    data = write_data(tmp_path / "data", {"train": 8, "val": 8})
    done = subprocess.run(
        [
            *(sys.executable, "-m", "export.demo", "--quick"),
            *(f"--data={data}", f"--output={tmp_path / 'demo'}"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "demo" / "index.html").read_text()
    dash = '<td class="n">–</td>'
    assert f"<td>false alarms per hour of background</td>{dash}{dash}" in page
    assert "contact_sheet.png" not in page
    truth = read_truth(tmp_path / "demo" / "unseen.csv")
    assert len(truth) == 8 and all(a[1] <= b[0] < a[1] + 0.05 for a, b in itertools.pairwise(truth))
