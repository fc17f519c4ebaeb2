"""The command `python -m tsm_tf.detection.evaluation`."""

import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from annotated_data import HEIGHT, WIDTH, write_published

CLASSIFIER = pathlib.Path(__file__).parents[2] / "compatibility/mobilenet_v2_online_int8.tflite"
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
        ((), "`checkpoints` must name at least one detector"),
        (("--detections=none.txt",), "`detections` must be existing files"),
        (("--checkpoints=none",), "`checkpoints` must be existing folders"),
        (("--models=none",), "`models` must be existing files"),
        ((f"--models={CLASSIFIER}",), "`models` must be a detector"),
    ],
)
def test_bad_flags(data, tmp_path, flags, line):
    done = run(*flags, f"--data={data}", f"--output={tmp_path / 'out'}")
    assert done.returncode == 1 and line in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Runs with a small detector each: online TSM, and some for other classes."""
    from tsm_tf.detection.checkpoint import save_detector
    from tsm_tf.detection.rfcn import build_detector
    from tsm_tf.detector_spec import DetectorSpec

    spec = DetectorSpec(
        backbone="resnet_small",
        input_height=HEIGHT,
        input_width=WIDTH,
        feature_stride=8,
        detector_channels=16,
        anchor_scales=(1, 2),
        anchor_ratios=(1,),
        num_proposals=8,
        bins=3,
        max_detections=5,
    )
    folder = tmp_path_factory.mktemp("runs")
    save_detector(build_detector(spec), folder / "tsm" / "last")
    save_detector(build_detector(spec.replace(num_classes=4)), folder / "four" / "last")
    others = spec.replace(labels=tuple(map(str, range(30))))
    save_detector(build_detector(others), folder / "others" / "last")
    return folder


@pytest.mark.slow
def test_evaluates_checkpoints_once(checkpoints, data, tmp_path):
    output = tmp_path / "out"
    flags = (
        f"--checkpoints={checkpoints / 'tsm' / 'last'}",
        f"--data={data}",
        f"--output={output}",
    )
    first = run(*flags)
    assert first.returncode == 0, first.stderr
    assert "tsm: searching for objects" in first.stdout and "2 of 2 videos searched" in first.stdout

    lines = [line.split() for line in (output / "tsm.txt").read_text().splitlines()]
    assert {int(line[0]) for line in lines} == set(range(1, 8)) and len(lines) <= 7 * 5
    again = run(*flags)
    assert again.returncode == 0 and "videos searched" not in again.stdout

    given = run(
        f"--detections={output / 'tsm.txt'}", f"--data={data}", f"--output={tmp_path / 'b'}"
    )
    assert given.returncode == 0, given.stderr
    for name in ("average_precision.csv", "class_accuracy.csv", "results.json"):
        assert (tmp_path / "b" / name).read_text() == (output / name).read_text()


@pytest.mark.slow
def test_evaluates_an_exported_file_as_its_checkpoint(checkpoints, data, tmp_path):
    checkpoint, files = checkpoints / "tsm" / "last", tmp_path / "files"
    export = [sys.executable, "-m", "export.tflite", "--online", "--num_videos=2"]
    subprocess.run(
        [*export, f"--checkpoint={checkpoint}", f"--data={data}", f"--output={files}"], check=True
    )
    (model,) = files.glob("*.tflite")
    output = tmp_path / "out"
    done = run(
        f"--checkpoints={checkpoint}", f"--models={model}", f"--data={data}", f"--output={output}"
    )
    assert done.returncode == 0, done.stderr
    expected, found = (
        np.loadtxt(output / f"{name}.txt").reshape(-1, 7) for name in ("tsm", model.stem)
    )
    assert expected.shape == found.shape and len(found)
    close = np.isclose(found, expected, rtol=0, atol=2e-2).all(axis=1)  # corners in pixels
    assert close.mean() >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", ["four", "others"])
def test_a_detector_for_other_classes(checkpoints, data, tmp_path, name):
    done = run(
        f"--checkpoints={checkpoints / name / 'last'}",
        f"--data={data}",
        f"--output={tmp_path / 'out'}",
    )
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert "`checkpoints` must have the 30 classes of the data" in done.stderr
