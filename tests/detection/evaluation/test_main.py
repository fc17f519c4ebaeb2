"""The command `python -m tsm_tf.detection.evaluation`, and the module `subjects` in it."""

import csv
import json
import subprocess
import sys

import pytest
from annotated_data import write_published

# In frame t, a dog is at t..t+10, 2..12, and in others than frame 1 of train/A/v1 a fox.
DOGS = [(frame, 9, 0.9, t, 2, t + 9, 11) for frame, t in enumerate((0, 1, 2, 3, 0, 1, 2), 1)]
FOXES = [(frame, 12, 0.8, 20, 8, 29, 29) for frame in range(1, 8)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("data"))


def write_detections(path, rows):
    path.write_text("".join(f"{' '.join(map(str, row))}\n" for row in rows))
    return path


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tsm_tf.detection.evaluation", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_evaluates_detections_files(data, tmp_path):
    files = [
        write_detections(tmp_path / "all.txt", DOGS + FOXES),
        write_detections(tmp_path / "dogs.txt", DOGS),
    ]
    output = tmp_path / "out"
    flags = (
        f"--detections={files[0]},{files[1]}",
        f"--data={data}",
        f"--output={output}",
        "--video=val/w1",
        "--coco",
    )
    done = run(*flags)
    assert done.returncode == 0, done.stderr
    with (output / "average_precision.csv").open() as file:
        rows = {(r["detector"], r["class"]): r for r in csv.DictReader(file)}
    assert rows["all", "mean"]["all"] == "1.0" and rows["dogs", "mean"]["all"] == "0.5"
    assert rows["dogs", "dog"]["objects"] == rows["dogs", "fox"]["objects"] == "7"
    assert rows["dogs", "dog"]["coco_ap50"] == "1.0" and rows["dogs", "zebra"]["all"] == ""
    assert json.loads((output / "results.json").read_text())["dogs"]["mAP"]["all"] == 0.5
    assert "100.0%" in done.stdout and "50.0%" in done.stdout
    for name in ("precision_recall.png", "precision_recall_classes.png", "boxes.mp4", "boxes.gif"):
        assert (output / name).stat().st_size

    other = run(f"--detections={files[0]}", *flags[1:])
    assert other.returncode == 1
    assert "`output` must be a new folder for another selection" in other.stderr


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ((), "`checkpoints` or detections must name at least one"),
        (("--detections=none.txt",), "`detections` must be existing files"),
        (("--checkpoints=none",), "`checkpoints` must be existing folders"),
    ],
)
def test_bad_flags(data, tmp_path, flags, line):
    done = run(*flags, f"--data={data}", f"--output={tmp_path / 'out'}")
    assert done.returncode == 1 and line in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()
