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
@pytest.mark.parametrize("with_fgfa", [False, True])
def test_whole_demo_small(tmp_path, with_fgfa):
    flags = ["--quick", f"--output={tmp_path / 'demo'}", *(["--fgfa"] if with_fgfa else [])]
    for _ in range(2):
        done = run(*flags)
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("done before") == len(plan(tmp_path, QUICK, with_fgfa))
    assert ("FGFA: mAP all" in done.stdout) == with_fgfa

    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    for name in (
        "evaluation/boxes.gif",
        "evaluation/boxes.mp4",
        "evaluation/precision_recall.png",
        "evaluation/precision_recall_classes.png",
        "evaluation/average_precision.csv",
        "data/contact_sheet.png",
        "stream/stream.gif",
        "stream/frames.csv",
        "tsm/curves.png",
        "per_frame/curves.png",
        "start/curves.png",
    ):
        assert name in page and (tmp_path / "demo" / name).is_file(), name
