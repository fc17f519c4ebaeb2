"""The command `python -m export.demo.detection`, and the module `steps`."""

import pathlib
import subprocess
import sys

import pytest

from export.demo.detection.steps import FULL, QUICK, plan


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "export.demo.detection", *flags], capture_output=True, text=True
    )


def test_all_detectors_start_from_the_same_one():
    output = pathlib.Path("demo")
    trainings = {
        step.name: step.arguments
        for step in plan(output, FULL, with_fgfa=True, seed=3)
        if "training" in step.arguments[0]
    }
    assert list(trainings) == ["train start", "train per_frame", "train tsm", "train fgfa"]
    assert all("--seed=3" in arguments for arguments in trainings.values())
    start, *others = trainings.values()
    assert not any(flag.startswith("--init") for flag in start) and "--shift_mode=none" in start
    for arguments in others:
        assert f"--init={output / 'start' / 'last'}" in arguments and "--epochs=6" in arguments


def test_steps_without_fgfa():
    steps = plan(pathlib.Path("demo"), QUICK)
    assert not any("fgfa" in step.command for step in steps)
    assert len({step.log for step in steps}) == len(steps)


def test_refuses_a_folder_with_something_else(tmp_path):
    (tmp_path / "mine").touch()
    done = run(f"--output={tmp_path}")
    assert done.returncode == 1 and "`output` must be a new or empty folder" in done.stderr


@pytest.mark.slow
def test_whole_demo_small_and_fgfa_later(tmp_path):
    flags = ["--quick", f"--output={tmp_path / 'demo'}"]
    first = run(*flags)
    assert first.returncode == 0, first.stderr
    assert "online TSM: mAP all" in first.stdout and "FGFA: mAP" not in first.stdout

    second = run(*flags, "--fgfa")
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("done before") == len(plan(tmp_path, QUICK)) - 1
    assert "FGFA: mAP all" in second.stdout

    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    for name in (
        "evaluation_with_fgfa/boxes.gif",
        "evaluation_with_fgfa/boxes.mp4",
        "evaluation_with_fgfa/precision_recall.png",
        "evaluation_with_fgfa/precision_recall_classes.png",
        "evaluation_with_fgfa/average_precision.csv",
        "data/contact_sheet.png",
        "stream/stream.gif",
        "stream/detections.csv",
        "tsm/curves.png",
        "per_frame/curves.png",
        "start/curves.png",
        "fgfa/curves.png",
    ):
        assert name in page and (tmp_path / "demo" / name).is_file(), name
