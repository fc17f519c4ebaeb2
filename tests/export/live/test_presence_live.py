"""A model for several classes per video, from Keras to a file and the live command."""

import csv
import json

import av
import keras
import numpy as np
import pytest
from testing import refuses, run_main
from videos import encode, write_data

from export.format.metadata import read_spec
from export.live import __main__ as command
from export.live.events import PresenceDecoder
from export.runtime import StreamRunner
from export.sample_clips import from_videos
from export.tflite import export_model
from tsm_tf import load_checkpoint, retrofit, save_checkpoint

LABELS = ("red", "green", "dark")
THRESHOLDS = (0.6, 0.9, 0.5)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that sees how red and how green a frame is, saved and loaded with its thresholds."""
    image = keras.Input((32, 32, 3))
    dense = keras.layers.Dense(3)
    network = keras.Model(image, dense(keras.layers.GlobalAveragePooling2D()(image)))
    # The logits are -4..4 for red and green, and 4..-12 for dark.
    weights = np.array([[8, 0, -8], [0, 8, -8], [0, 0, 0]], np.float32)
    dense.set_weights([weights, np.array([-4.0, -4.0, 4.0])])
    clip_model = retrofit(network, 4, "none", preprocess=((0, 0, 0), (1, 1, 1)), labels=LABELS)
    folder = tmp_path_factory.mktemp("colors")
    save_checkpoint(clip_model, folder)
    spec = clip_model.spec.replace(fps=5.0, multi_label=True, thresholds=THRESHOLDS)
    (folder / "spec.json").write_text(spec.to_json())
    return load_checkpoint(folder)


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    return export_model(model, tmp_path_factory.mktemp("export"), online=True)[0]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Black, red, yellow (which is red and green), black; a second each."""
    colors = ((0, 0, 0), (250, 0, 0), (250, 250, 0), (0, 0, 0))
    frames = [np.full((48, 64, 3), color, np.uint8) for color in colors for _ in range(10)]
    return encode(tmp_path_factory.mktemp("video") / "colors.mp4", np.stack(frames))


def test_the_spec_travels_in_the_file(model, file):
    spec = read_spec(file)
    assert spec == model.spec and spec.thresholds == THRESHOLDS
    runner = StreamRunner(file)
    decoder = PresenceDecoder.of(runner.spec)
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[..., :2] = 250
    decoder.step(runner.step(frame), 0.0)
    assert decoder.present == ("red", "green")
    np.testing.assert_allclose(
        decoder.probabilities, 1 / (1 + np.exp([-3.843, -3.843, 11.686])), atol=1e-3
    )
    frame[..., 1] = 176  # sigmoid(1.52) is 0.82: below the threshold of green
    decoder.reset()
    decoder.step(runner.step(frame), 0.0)
    assert decoder.present == ("red",)


def test_the_command_shows_all_classes_above_their_threshold(file, video, tmp_path, capsys):
    output = tmp_path / "out"
    run_main(
        command,
        *(f"--model={file}", f"--video={video}", f"--output={output}"),
        f"--events={tmp_path / 'events.jsonl'}",
    )
    with (output / "frames.csv").open() as rows:
        rows = list(csv.DictReader(rows))
    shown = [row["shown"] for row in rows]
    # Means follow with a time constant of 0.2 s: green needs three frames to reach 0.9.
    assert shown == ["dark"] * 5 + ["red"] * 7 + ["red, green"] * 3 + ["dark"] * 5
    assert rows[7]["predicted"] == "red" and float(rows[7]["probability"]) > 0.95
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["label"] for event in events] == ["dark", "red", "green", "dark"]
    assert "event: red" in capsys.readouterr().out
    with av.open(str(output / "stream.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(rows) == 20

    with refuses("original_smoothing", "several classes"):
        run_main(
            command,
            *(f"--model={file}", f"--video={video}", f"--output={tmp_path / 'x'}"),
            "--averaged_steps=3",
        )


def test_parity_has_no_top_1_for_several_classes(model, tmp_path):
    data = write_data(tmp_path, {"val": 3}, labels=LABELS)
    (data / "val.txt").write_text('"val 0.mp4" 10 0,1\n"val 1.mp4" 11 2\n"val 2.mp4" 12 1\n')
    assert from_videos(model.spec, data, "val", 3).labels is None
    with refuses("data", "one class per video"):
        single = model.spec.replace(multi_label=False, thresholds=None)
        from_videos(single, data, "val", 3)
