"""Runs the programs in examples/, in the order in which a user would."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

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


def check_board(printed):
    *lines, count = printed.splitlines()
    assert lines and all(line.partition("   (")[0] in LABELS for line in lines)
    assert int(count.removesuffix(" frames")) >= 5


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
