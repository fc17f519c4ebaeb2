"""The command `python -m export.demo`."""

import subprocess
import sys

import pytest

from export.demo.steps import plan


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
    assert done.stdout.count("done before") == len(plan(tmp_path, None, 1, 18, 9))
    page = (tmp_path / "demo" / "index.html").read_text()
    for name in (
        "stream/stream.gif",
        "tsm/curves.png",
        "evaluation/tsn/confusion.png",
        "data/contact_sheet.png",
    ):
        assert name in page and (tmp_path / "demo" / name).is_file()
    assert "python -m export.live" in page
