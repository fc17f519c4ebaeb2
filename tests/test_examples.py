"""Runs the programs in examples/, in the order in which a user would."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from export.format.metadata import read_spec
from export.tflite.draft import Draft
from tsm_tf.event_rules import EventRules

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
NOTEBOOK = EXAMPLES / "train_on_your_videos.ipynb"
LABELS = (  # of the rendered gestures
    "Swiping Left",
    "Swiping Right",
    "Swiping Up",
    "Swiping Down",
    "Zooming In With Full Hand",
    "Zooming Out With Full Hand",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "No gesture",
)


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(*command, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_examples_run_one_after_the_other(tmp_path):
    """The notebook trains on rendered gestures; its checkpoint is streamed, exported, and run."""
    counts = ("--num_train=18", "--num_val=9")
    run("-m", "tsm_tf.data.synthetic", "--output=data/gestures", *counts, cwd=tmp_path)
    video = tmp_path / "data" / "gestures" / "videos" / "val" / "00000.mp4"

    notebook = tmp_path / "notebook.py"
    notebook.write_text("\n".join(code_cells()), encoding="utf-8")
    check_notebook(run(notebook, cwd=tmp_path, EPOCHS="1"), tmp_path / "runs" / "notebook")

    check_stream(run(EXAMPLES / "stream_in_keras.py", "runs/notebook", video, cwd=tmp_path))

    online = ("--online", "--checkpoint=runs/notebook", "--output=exported")
    run("-m", "export.tflite", *online, cwd=tmp_path)
    model = "exported/mobilenet_v2_online_float32.tflite"
    recognise_anything(tmp_path / model)
    check_board(run(EXAMPLES / "raspberry_pi.py", model, video, cwd=tmp_path))


def check_notebook(printed, checkpoint):
    assert "val_accuracy" in printed
    for label in LABELS:
        assert f"{label:30} recognised as" in printed
    spec = json.loads((checkpoint / "spec.json").read_text())
    assert tuple(spec["labels"]) == LABELS


def check_stream(printed):
    lines = printed.splitlines()
    assert len(lines) >= 5
    for number, line in enumerate(lines):
        frame, _, label = line.partition(": ")
        assert frame == f"frame {number}" and label in LABELS


def recognise_anything(path):
    """Changes the event rules in a file: a model that has hardly learned anything is never sure."""
    rules = EventRules(smoothing_seconds=0, open_probability=0.01, close_probability=0)
    spec = read_spec(path).replace(events=rules)
    path.write_bytes(Draft(path.read_bytes()).seal(spec))


def check_board(printed):
    *lines, last = printed.splitlines()
    assert lines and all(line.partition("   (")[0] in LABELS[:-1] for line in lines)
    count, _, latency = last.partition(" frames, ")
    assert int(count) >= 5 and latency.endswith(" ms per frame")


def test_notebook_has_no_outputs():
    """Outputs change with every run, and make differences between versions hard to read."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")


def test_examples_are_short():
    sources = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py")}
    sources[NOTEBOOK.name] = "\n".join(code_cells())
    assert len(sources) == 3
    for name, source in sources.items():
        assert source.count("\n") < 60, name
