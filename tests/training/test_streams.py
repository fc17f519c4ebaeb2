"""Training on streams: both stages, `--init`, resumption, devices, and what is refused.

Covers `tsm_tf/training/clips.py` (`Windows`) and the stages of `tsm_tf/training/train.py`.
"""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from testing import array, refuses
from videos import encode, moving_square

from tsm_tf import load_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.window_pipeline import window_dataset
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.run_folder.state import STATES, load_newest
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.train import CLIPS, train

LABELS = ("Swiping Left", "Swiping Right", "No gesture")
TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "num_segments": 2,
    "input_size": 32,
    "fps": 5.0,
    "window": 6,
    "epochs": 2,
    "clip_epochs": 1,
    "batch_size": 2,
    "optimizer": "sgd",
    "learning_rate": 0.01,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Trimmed videos of two seconds, lists of untrimmed ones, and lists that cannot be used."""
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for number in range(9):
        frames = moving_square(20)
        encode(folder / f"{number}.mp4", frames[:, :, ::-1] if number % 3 == 1 else frames)
        lines.append(f"{number}.mp4 20 {number % 3}\n")
    encode(folder / "long.mp4", moving_square(60))
    write_lists(folder, lines, lines[:4])
    return folder


def write_lists(folder, train_lines, val_lines, background=None):
    folder.mkdir(exist_ok=True)
    folder.joinpath("labels.txt").write_text("\n".join(LABELS) + "\n")
    folder.joinpath("train.txt").write_text("".join(train_lines))
    folder.joinpath("val.txt").write_text("".join(val_lines))
    if background is not None:
        folder.joinpath("background.txt").write_text(background)
    return folder


def other_lists(data, folder, train_lines, val_lines=None, background=None):
    """A folder with other lists of the same videos."""
    lines = [f"{data}/{line}\n" for line in train_lines]
    return write_lists(folder, lines, val_lines or lines, background)


def recipe(**changes):
    return get_recipe("gestures_online", **{**TINY, **changes})


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A run from random weights, with both stages."""
    output = tmp_path_factory.mktemp("runs") / "streams"
    model = train(recipe(), data, output)
    return output, model


def rows_of(output):
    with (output / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_both_stages_leave_a_run(run):
    output, model = run
    assert [row["epoch"] for row in rows_of(output / CLIPS)] == ["1"]
    assert [row["epoch"] for row in rows_of(output)] == ["1", "2"]
    settings = json.loads((output / "run.json").read_text())
    assert settings["streams"]["window"] == 6 and settings["clip_epochs"] == 1
    stage = json.loads((output / CLIPS / "run.json").read_text())
    assert stage["streams"] is None and stage["batch_size"] == 2 * 6 // 2 and stage["epochs"] == 1

    spec = load_checkpoint(output).spec
    assert (spec.fps, spec.num_segments, spec.background_classes) == (5.0, 2, (2,))
    assert model.stream(1).output["logits"].shape == (1, 3)
    assert model.output_shape == (None, 3)  # it is still the clip model


def test_the_loss_is_the_weighted_loss_of_each_frame(run, data):
    """The last epoch's validation, computed again from the saved weights."""
    model = load_checkpoint(run[0] / "last")
    sampling = StreamSampling(fps=5.0, window=6)
    losses, right, weight_sum, count = [], 0.0, 0.0, 0
    for frames, labels, weights in window_dataset(Listing(data), model.spec, "val", 2, sampling):
        logits = array(model.per_frame(6)(frames, training=False)).astype(np.float64)
        assert logits.shape == (2, 6, 3)
        labels, weights = labels.numpy(), weights.numpy()
        shifted = logits - logits.max(axis=-1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        entropy = -np.take_along_axis(log_softmax, labels[..., None], axis=-1)[..., 0]
        losses.append((entropy * weights).sum())
        right += ((logits.argmax(axis=-1) == labels) * weights).sum()
        weight_sum, count = weight_sum + weights.sum(), count + weights.size

    row = rows_of(run[0])[-1]
    assert 0 < weight_sum < count  # some frames do not count
    assert float(row["val_accuracy"]) == pytest.approx(right / weight_sum, abs=1e-4)
    assert float(row["val_loss"]) == pytest.approx(sum(losses) / count, rel=1e-3)


def test_a_finished_run_is_not_trained_again(run, data, capsys):
    before = (run[0] / "log.csv").read_bytes()
    train(recipe(), data, run[0])
    text = capsys.readouterr().out
    assert "already has all its 2 epochs" in text and "first stage" not in text
    assert (run[0] / "log.csv").read_bytes() == before
    with refuses("output", "another streams", "'fps': 5.0"):
        train(recipe(window=7), data, run[0])


@pytest.mark.slow
def test_init_leaves_out_the_clips(run, data, tmp_path, capsys):
    start = Initialization(init=str(run[0]))
    model = train(recipe(epochs=1), data, tmp_path / "run", initialization=start)
    text = capsys.readouterr().out
    assert "first stage" not in text and "new: none" in text
    assert not (tmp_path / "run" / CLIPS).exists()
    assert not np.array_equal(model.get_layer("head").kernel, run[1].get_layer("head").kernel)


@pytest.mark.slow
def test_untrimmed_videos_with_accumulation(data, tmp_path):
    """Both stages, on a list that also has trimmed videos; `background.txt` names a class."""
    lists = ["long.mp4 0.5 1.5 0", "long.mp4 2 3 1", "long.mp4 3.5 4.5 0", "long.mp4 5 6 1"]
    lists += [f"{number}.mp4 20 {number % 3}" for number in range(6)]
    folder = other_lists(data, tmp_path / "data", lists, background="No gesture\n")
    changes = {"epochs": 1, "batch_size": 1, "accumulate": 2, "epoch_share": 2.0}
    model = train(recipe(**changes), Listing(folder, allow_outside=True), tmp_path / "run")
    for stage in (tmp_path / "run" / CLIPS, tmp_path / "run"):
        (row,) = rows_of(stage)
        assert np.isfinite(float(row["loss"])) and np.isfinite(float(row["val_loss"]))
    assert model.spec.background == ("No gesture",)


def test_what_streams_cannot_do_is_refused(data, tmp_path):
    output = tmp_path / "run"
    with refuses("teacher", "None to train on streams", "'runs/teacher'"):
        train(recipe(), data, output, initialization=Initialization(teacher="runs/teacher"))
    with refuses("on_bad_video", "stop to train on streams", "'skip'"):
        train(recipe(), data, output, execution=Execution(on_bad_video="skip"))
    with refuses("shift_mode", "to stream", "'bidirectional'"):
        recipe(shift_mode="bidirectional")
    with refuses("fps", "a recipe that trains on streams", "8.0"):
        get_recipe("gestures", fps=8.0)
    with refuses("clip_epochs", "0 for a recipe without streams", "3"):
        get_recipe("gestures", clip_epochs=3)
    assert not output.exists()


@pytest.mark.parametrize(
    ("lists", "background", "changes", "parts"),
    [
        (["0.mp4 20 0"], None, {"fps": 25.0}, ("at least the model's 25 frames", "10 in")),
        (["2.mp4 20 2"], None, {}, ("a video that is not background", "1")),
        (["0.mp4 20 0"], "nothing\n", {}, ("names of labels.txt", "background.txt", "'nothing'")),
        (["long.mp4 1 3 0", "long.mp4 2 4 1"], None, {}, ("overlapping segments", "2 to 4 s")),
        (["long.mp4 3 1 0"], None, {}, ("end after their start", "3 1 0")),
        (["long.mp4 5 7 0"], None, {}, ("within the video's 6.00 s", "5 to 7 s")),
        (["long.mp4 60 0", "long.mp4 1 2 0"], None, {}, ("whole or in segments",)),
        ([""], None, {}, ("at least one video",)),
    ],
)
def test_bad_data_is_refused_before_work(data, tmp_path, lists, background, changes, parts):
    """Also before the clips, which come first."""
    lines = [line and f"{data}/{line}\n" for line in lists]
    folder = write_lists(tmp_path / "data", lines, lines, background)
    with refuses("data", *parts):
        train(recipe(**changes), Listing(folder, allow_outside=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def command(data, output, **changes):
    flags = {**TINY, "strategy": "none", "checkpoint_steps": 1, "epochs": 3, **changes}
    options = [f"--{name}={value}" for name, value in flags.items()]
    module = [sys.executable, "-m", "tsm_tf.training", "--recipe=gestures_online"]
    return [*module, f"--data={data}", f"--output={output}", *options]


def finish(process):
    output, error = process.communicate(timeout=500)
    assert process.returncode == 0, error
    return output


def start(arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(arguments, **pipes, **options)


def assert_same(one, other):
    one, other = load_newest(one), load_newest(other)
    assert (one.epoch, set(one.arrays)) == (other.epoch, set(other.arrays))
    for name, values in one.arrays.items():
        np.testing.assert_array_equal(values, other.arrays[name], err_msg=name)


@pytest.mark.slow
def test_interrupted_in_either_stage_resumes_to_the_same_bits(data, tmp_path):
    whole, output = tmp_path / "whole", tmp_path / "run"
    finish(start(command(data, whole)))

    for stage in (output / CLIPS, output):
        process = start(command(data, output))
        while not list((stage / STATES).glob("[0-9]*.npz")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    text = finish(start(command(data, output)))
    assert "first stage" not in text and "resuming" in text
    assert f"tsm_tf.evaluation.stream --checkpoint={output / 'best'} --data={data}" in text
    assert_same(output, whole)
    assert_same(output / CLIPS, whole / CLIPS)
    assert rows_of(output) == rows_of(whole)


@pytest.mark.slow
def test_two_processes_train_as_one_would(data, tmp_path):
    """Both stages; batch norms see the whole batch."""
    changes = {"batch_size": 4, "epochs": 1, "clip_norm": 1.0, "schedule": "step"}
    changes |= {"sync_batch_norm": "true", "warmup_epochs": 0, "drop_last": "true", "window": 4}
    finish(start(command(data, tmp_path / "alone", **changes)))

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    processes = []
    for index in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        arguments = command(data, tmp_path / "run", **{**changes, "strategy": "multi_worker"})
        processes.append(start(arguments, env={**os.environ, "TF_CONFIG": json.dumps(task)}))
    for process in processes:
        finish(process)

    for folder in (CLIPS, "."):
        one, other = (
            load_newest(tmp_path / "alone" / folder),
            load_newest(tmp_path / "run" / folder),
        )
        names = [name for name in one.arrays if name.startswith("weight")]
        worst = max(np.abs(one.arrays[n].astype("float64") - other.arrays[n]).max() for n in names)
        assert worst < 1e-4, folder
