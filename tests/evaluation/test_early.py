"""Early recognition: `tsm_tf/evaluation/early.py`."""

import csv
import itertools

import numpy as np
import pytest
from testing import refuses, run_main
from videos import encode
from weights import with_weights

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.evaluation import early, whole_videos
from tsm_tf.evaluation.whole_videos import check_whole_videos, video_logits

LABELS = ("red", "green", "blue")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=4, input_size=32, width=0.35, fps=10.0)
OFFLINE = SPEC.replace(shift_mode="bidirectional")


def turning(label, num_frames=20, when=0.5):
    """Frames that are blue first; from some moment on, they have the colour of their class."""
    frames = np.full((num_frames, 48, 64, 3), 40, np.uint8)
    turn = int(num_frames * when)
    frames[:turn, ..., 2] = 200
    frames[turn:, ..., label] = 200
    return frames


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two videos of each class; `slow` and `segments` cannot be used."""
    folder = tmp_path_factory.mktemp("data")
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    lines = []
    for number in range(6):
        count = 20 + number
        encode(folder / f"{number}.mp4", turning(number % 3, count))
        lines.append(f"{number}.mp4 {count} {number % 3}\n")
    encode(folder / "slow.mp4", turning(0, 6), rate=3)
    folder.joinpath("val.txt").write_text("".join(lines))
    folder.joinpath("slow.txt").write_text("slow.mp4 6 0\n")
    folder.joinpath("segments.txt").write_text("0.mp4 0 1 0\n")
    return folder


class Eyes:
    """A model that sees the colour of the last frame of a clip."""

    def __init__(self, spec):
        self.spec = spec

    def predict_on_batch(self, clips):
        assert clips.shape[1:] == (4, 32, 32, 3)
        return clips[:, -1].mean(axis=(1, 2))


@pytest.mark.parametrize(
    ("num_frames", "shown"),
    [(20, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]), (3, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3])],
)
def test_frames_shown(num_frames, shown):
    assert [early.frames_shown(num_frames, percent) for percent in early.PERCENT] == shown


def test_an_offline_model_sees_clips_of_what_was_shown(data):
    top1 = early.early_accuracies(Eyes(OFFLINE), Listing(data), "val")
    assert top1 == [pytest.approx(1 / 3)] * 5 + [1] * 5  # first all are blue


def test_a_short_video_is_a_clip_of_its_first_frames(data):
    (video, *_) = Listing(data).videos("val")
    clips = []
    eyes = Eyes(OFFLINE)
    eyes.predict_on_batch = lambda batch: clips.append(batch) or np.eye(3)[[0] * len(batch)]
    early.early_accuracies(eyes, Listing(data), "val")
    assert len(clips) == 10
    whole = center_clip(video, OFFLINE, VIDEO_FILES)
    np.testing.assert_array_equal(clips[-1][0], whole)
    assert np.abs(clips[4][0].astype(int) - whole[0]).max() < 10  # blue only
    assert np.abs(clips[5][0][-1].astype(int) - whole[0]).max() > 100


def test_an_online_model_averages_the_logits_so_far(data, monkeypatch):
    """After two thirds of a video, the frames that are not blue have the larger sum."""

    def see(_, num_streams):
        return lambda frames: np.eye(3)[frames.mean(axis=(1, 2)).argmax(axis=1)] * (3, 3, 1)

    monkeypatch.setattr(whole_videos, "keras_step", see)
    top1 = early.early_accuracies(Eyes(SPEC), Listing(data), "val")
    assert top1 == [pytest.approx(1 / 3)] * 6 + [1] * 4


def test_every_video_is_a_stream_of_its_own(data, monkeypatch):
    def count(_, num_streams):
        steps = itertools.count()
        return lambda frames: np.full((num_streams, 3), next(steps))

    monkeypatch.setattr(whole_videos, "keras_step", count)
    for logits, length in zip(
        video_logits(Eyes(SPEC), Listing(data).videos("val"), VIDEO_FILES),
        range(20, 26),
        strict=True,
    ):
        assert logits[:, 0].tolist() == list(range(length))


def test_bad_data(data):
    with refuses("data", "at least the model's 10 frames per second", "3 in "):
        early.early_accuracies(Eyes(SPEC), Listing(data), "slow")
    assert len(check_whole_videos(OFFLINE, Listing(data), "slow")) == 1  # it has no rate
    with refuses("data", "whole videos, not segments", "0.mp4 0 1 0"):
        early.early_accuracies(Eyes(OFFLINE), Listing(data), "segments")
    with refuses("data", "the model's classes"):
        early.early_accuracies(Eyes(SPEC.replace(labels=("x", "y", "z"))), Listing(data), "val")
    nameless = ModelSpec(num_classes=4)
    with refuses("data", "the checkpoint's 4 classes"):
        early.early_accuracies(Eyes(nameless), Listing(data), "val")


def test_the_command_compares_checkpoints(data, tmp_path, capsys):
    names = []
    for spec in (SPEC, OFFLINE):
        names.append(str(tmp_path / spec.shift_mode))
        save_checkpoint(with_weights(build_model(spec)), names[-1])
    output = tmp_path / "out"
    options = [f"--checkpoints={','.join(names)}", f"--data={data}", f"--output={output}"]
    run_main(early, *options)
    assert "100%: " in capsys.readouterr().out
    assert (output / "early.png").read_bytes()[1:4] == b"PNG"
    with (output / "early.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["checkpoint"], row["percent"]) for row in rows] == [
        (name, str(percent)) for name in names for percent in range(10, 101, 10)
    ]
    assert all(0 <= float(row["top1"]) <= 1 for row in rows)

    with refuses("output", "another checkpoints"):
        run_main(early, f"--checkpoints={names[0]}", *options[1:])
    with refuses("checkpoints", "at least one"):
        run_main(early, "--checkpoints=", *options[1:])
