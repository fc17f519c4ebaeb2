"""The whole recipe `gestures_online`, from random weights, as a user runs it: about 8 minutes each.

The recipe must not be tuned to the rendered hand, so it is also run on videos of another kind.
"""

import json
import subprocess
import sys

import pytest
from shapes import natural_backgrounds, write_shapes

SPLITS = {"train": 1440, "val": 360}


def render_gestures(folder):
    run(
        "tsm_tf.data.synthetic",
        f"--output={folder}",
        *(f"--num_{split}={count}" for split, count in SPLITS.items()),
    )


def render_shapes(folder):
    write_shapes(folder, SPLITS, natural_backgrounds())


def run(module, *arguments):
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("render", [render_gestures, render_shapes])
def test_recognises_gestures_in_continuous_streams(render, tmp_path):
    data, checkpoint, results = tmp_path / "data", tmp_path / "run", tmp_path / "results"
    render(data)
    run("tsm_tf.training", "--recipe=gestures_online", f"--data={data}", f"--output={checkpoint}")
    run(
        "tsm_tf.evaluation.stream",
        f"--checkpoint={checkpoint}",
        f"--data={data}",
        f"--output={results}",
        "--background_minutes=30",
    )

    figures = json.loads((results / "stream.json").read_text())
    assert figures["background_minutes"] >= 29.9
    assert figures["late_frame_accuracy"] >= 0.93
    assert figures["levenshtein_accuracy"] >= 0.95
    assert figures["event_f1"] >= 0.97
    assert figures["false_alarms_per_hour"] <= 6
    assert figures["delay_median_share"] <= 0.5
