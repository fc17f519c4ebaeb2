"""The comparison of TSN, offline TSM and online TSM: `tsm_tf/evaluation/online.py`."""

import csv
import itertools

import numpy as np
import pytest
from testing import refuses, run_main
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.evaluation import online, whole_videos

LABELS = ("Swiping Left", "Swiping Right")
SPEC = ModelSpec(num_classes=2, labels=LABELS, num_segments=2, input_size=32, width=0.35, fps=5.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"val": 6})


@pytest.fixture(scope="module")
def models():
    modes = ("none", "bidirectional", "unidirectional")
    return {mode: with_weights(build_model(SPEC.replace(shift_mode=mode))) for mode in modes}


class Eyes:
    """A model that sees the brightness of clips."""

    def __init__(self, shift_mode):
        self.spec = SPEC.replace(shift_mode=shift_mode)

    def predict_on_batch(self, clips):
        return np.stack([np.zeros(len(clips)), clips.mean(axis=(1, 2, 3, 4)) - 100], axis=1)


@pytest.mark.parametrize("shift_mode", ["none", "unidirectional"])
def test_top1_of_the_mean_of_all_frames(data, monkeypatch, shift_mode):
    """The first frame decides by its large logit, in the videos of class 1."""
    labels = [video.label for video in Listing(data).videos("val")]

    def decide(_, num_streams):
        steps = itertools.count()

        def step(frames):
            right = 9 if next(steps) == 0 else -1
            return np.array([[0, right if label else -1] for label in labels])[:num_streams]

        return step

    monkeypatch.setattr(whole_videos, "keras_step", decide)
    assert online.average_top1(Eyes(shift_mode), Listing(data), "val") == 1


def test_top1_of_clips(data):
    eyes, videos = Eyes("bidirectional"), Listing(data).videos("val")
    clips = np.stack([center_clip(video, eyes.spec, VIDEO_FILES) for video in videos])
    expected = eyes.predict_on_batch(clips).argmax(axis=1) == [video.label for video in videos]
    assert online.average_top1(eyes, Listing(data), "val") == expected.mean()


@pytest.mark.slow
def test_the_command_writes_and_prints_the_table(data, models, tmp_path, capsys):
    names = {mode: str(tmp_path / mode) for mode in models}
    for mode, model in models.items():
        save_checkpoint(model, names[mode])
    options = [f"--data={data}", f"--output={tmp_path / 'out'}", "--rounds=2"]
    run_main(online, f"--checkpoints={','.join(names.values())}", *options)
    header, *lines, _ = capsys.readouterr().out.splitlines()[-5:]
    assert header.split() == list(online.COLUMNS)

    with (tmp_path / "out" / "online.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [line.split() for line in lines] == [list(row.values()) for row in rows]
    assert [(row["checkpoint"], row["shift"]) for row in rows] == [(n, m) for m, n in names.items()]
    assert rows[1]["latency_ms"] == "-"
    assert all(float(rows[index]["latency_ms"]) > 0 for index in (0, 2))

    with refuses("checkpoints", "at least one"):
        run_main(online, "--checkpoints=", *options)
    with refuses("output", "another checkpoints"):
        run_main(online, f"--checkpoints={names['none']}", *options)


def test_offline_models_alone_have_no_latency(models):
    assert online.latencies({"offline": models["bidirectional"]}, 1) == {}
