"""Events of a real video: the command, and `export.live.events` beside `StreamRunner`."""

import csv
import json
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest
from videos import encode

from export.live.events import EventDecoder, EventRules
from export.live.frame_clock import AtRate
from export.runtime import StreamRunner
from export.tflite import export_model
from export.tflite.draft import Draft
from tsm_tf import retrofit
from tsm_tf.data.crops import eval_frame
from tsm_tf.data.sources.video_file import iterate_frames

LABELS = ("red; touch pwned", "$(touch pwned) green", "dark")
BLACK, RED, GREEN = (0, 0, 0), (250, 0, 0), (0, 250, 0)
SHOWN = (  # color, seconds; 10 frames per second, of which the model takes every second one
    (BLACK, 1.0),
    (RED, 1.0),
    (BLACK, 0.6),
    (RED, 0.6),
    (GREEN, 0.8),
    (BLACK, 0.6),
)
RULES = EventRules(smoothing_seconds=0, min_seconds=0.2, refractory_seconds=0.3)

# A color is recognised when it has lasted 0.2 s: two of the model's frames after the first.
EXPECTED = [(0, 1.2), (0, 2.8), (1, 3.4)]


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    """A model that recognises the color of a frame, as a real file."""
    image = keras.Input((32, 32, 3))
    dense = keras.layers.Dense(3)
    network = keras.Model(image, dense(keras.layers.GlobalAveragePooling2D()(image)))
    dense.set_weights([np.diag([20.0, 20.0, 0.0]), np.array([0.0, 0.0, 10.0])])

    model = retrofit(network, 4, "none", preprocess=((0, 0, 0), (1, 1, 1)), labels=LABELS)
    folder = tmp_path_factory.mktemp("colors")
    path = export_model(model, folder, online=True)[0]
    spec = model.spec.replace(fps=5.0, background=("dark",), events=RULES)
    path.write_bytes(Draft(path.read_bytes()).seal(spec))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    frames = [
        np.full((48, 64, 3), c, np.uint8)
        for c, seconds in SHOWN
        for _ in range(round(10 * seconds))
    ]
    return encode(tmp_path_factory.mktemp("video") / "colors.mp4", np.stack(frames))


def test_events_in_python(colors, video):
    runner = StreamRunner(colors)
    decoder = EventDecoder.of(runner.spec)
    assert decoder.rules == RULES and runner.receptive_field == 1
    found = [
        (event.index, round(event.seconds, 3))
        for _, seconds, frame in AtRate(iterate_frames(video), runner.spec.fps)
        for event in decoder.step(runner.step(eval_frame(frame, runner.spec)), seconds)
    ]
    assert found == EXPECTED


def command(*arguments):
    """The command in a process without Keras and TensorFlow, as on a device."""
    code = (
        "import runpy, sys; sys.modules.update(keras=None, tensorflow=None); "
        "runpy.run_module('export.live', run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_the_command_writes_events_as_they_happen(colors, video, tmp_path):
    write = (
        "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"
    )
    hook = shlex.join([sys.executable, "-c", write, "{seconds}.json", "{label}", "{probability}"])
    done = subprocess.run(
        command(
            f"--model={colors}",
            f"--video={video}",
            "--output=out",
            "--events=out/events.jsonl",
            f"--command={hook}",
        ),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr

    lines = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [(event["index"], event["seconds"]) for event in events] == EXPECTED
    assert [event["label"] for event in events] == [LABELS[index] for index, _ in EXPECTED]
    assert all(0.99 < event["probability"] <= 1 for event in events)

    with (tmp_path / "out" / "frames.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    recognised = [(row["event"], float(row["seconds"])) for row in rows if row["event"]]
    assert recognised == [(LABELS[index], seconds) for index, seconds in EXPECTED]
    shown = [LABELS.index(row["shown"]) for row in rows]
    assert shown == [2] * 6 + [0] * 4 + [2] * 4 + [0] * 2 + [2] + [1] * 3 + [2] * 3
    assert all(row["smoothed"] == row["shown"] for row in rows if row["shown"] != "dark")

    assert "3 events\n      2  red; touch pwned\n      1  $(touch pwned) green" in done.stdout
    assert done.stdout.count("s  event: ") == 3
    for event in events:
        words = json.loads((tmp_path / f"{event['seconds']}.json").read_text())
        assert words == [event["label"], str(event["probability"])]
    assert not (tmp_path / "pwned").exists()


def test_events_alone_are_enough(colors, video, tmp_path):
    arguments = (f"--model={colors}", f"--video={video}", f"--events={tmp_path / 'e.jsonl'}")
    done = subprocess.run(command(*arguments), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "e.jsonl").read_text().splitlines()) == 3
    again = subprocess.run(command(*arguments), capture_output=True, text=True)
    assert again.returncode == 1 and "`events` must be a new or empty file" in again.stderr
