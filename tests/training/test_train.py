import csv
import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from testing import refuses
from videos import write_data

from tsm_tf import load_checkpoint
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.train import Start, train

# ResNet-18 has the fewest layers, which decides how long TensorFlow takes before the first step.
TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 2,
    "batch_size": 4,
    "num_segments": 2,
    "input_size": 32,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 4})


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "tsm"
    model = train(get_recipe("gestures", **TINY), data, output)
    return output, model


def rows_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_what_people_look_at(run, data):
    output, model = run
    assert [row["epoch"] for row in rows_of(output)] == ["1", "2"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"} < set(
        rows_of(output)[0]
    )
    assert (output / "curves.png").stat().st_size > 5000 and any(
        (output / "tensorboard").rglob("events*")
    )
    assert not list(output.rglob(".writing*"))
    for folder in (output / "last", output):
        spec = load_checkpoint(folder).spec
        assert spec.labels == ("Swiping Left", "Swiping Right") and spec.fps == pytest.approx(
            2 / 1.1, abs=0.01
        )
    for a, b in zip(
        load_checkpoint(output / "last").get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_finished_run_is_not_trained_again(run, data, capsys):
    train(get_recipe("gestures", **TINY), data, run[0])
    assert "has all its 2 epochs" in capsys.readouterr().out and len(rows_of(run[0])) == 2


def test_starts_from_another_checkpoint(run, data, tmp_path, capsys):
    recipe = get_recipe("gestures", **{**TINY, "epochs": 1, "learning_rate": 1e-12})
    flips = tmp_path / "flips.json"
    flips.write_text('{"Swiping Left": null, "Swiping Right": null}')
    start = Start(init=str(run[0] / "last"))
    model = train(dataclasses.replace(recipe, flips=str(flips)), data, tmp_path / "a", start=start)
    assert "never flipped: Swiping Left, Swiping Right" in capsys.readouterr().out
    kernel = model.get_layer("head").kernel
    np.testing.assert_allclose(
        kernel, load_checkpoint(run[0] / "last").get_layer("head").kernel, atol=1e-6
    )
    three = write_data(tmp_path / "three", {"train": 3, "val": 3}, labels=("x", "y", "z"))
    model = train(recipe, three, tmp_path / "c", start=start)  # a new head, all else from there
    assert (
        "starting from" in (text := capsys.readouterr().out)
        and "new: head/kernel, head/bias" in text
    )
    conv = model.get_layer("layer4_1_conv2").kernel
    np.testing.assert_allclose(
        conv, load_checkpoint(run[0] / "last").get_layer("layer4_1_conv2").kernel, atol=1e-6
    )
    with refuses("init", "layer1_2_conv1/kernel"):
        train(
            get_recipe("gestures", **{**TINY, "backbone": "resnet34"}),
            data,
            tmp_path / "b",
            start=Start(init=str(run[0])),
        )
    assert not (
        tmp_path / "b"
    ).exists()  # so that the corrected command finds no folder of another run


def test_refuses_before_work(run, data, tmp_path):
    with refuses("output", "another epochs", "3"):
        train(get_recipe("gestures", **{**TINY, "epochs": 3}), data, run[0])
    with refuses("output", "must be writable", "/proc/tsm"):
        train(get_recipe("gestures", **TINY), data, "/proc/tsm")
    with refuses("output", "must be writable", "Not a directory"):
        train(get_recipe("gestures", **TINY), data, data / "labels.txt" / "run")
    (tmp_path / "mine").touch()
    with refuses("output", "new or empty"):
        train(get_recipe("gestures", **TINY), data, tmp_path)
    with refuses("recipe", "gestures", "sports"):
        get_recipe("sports")
    with refuses("epochs", "at least 1"):
        get_recipe("gestures", epochs=0)
    with refuses("learning_rate", "positive"):
        get_recipe("gestures", learning_rate=-1.0)
    with pytest.raises(
        FileNotFoundError, match="`flips` must be auto, none, or a JSON file: sometimes"
    ):
        train(get_recipe("gestures", flips="sometimes", **TINY), data, tmp_path / "new")
    with refuses("optimizer", "sgd"):
        get_recipe("gestures", optimizer="lion")


def test_ctrl_c_says_how_to_go_on(data, tmp_path):
    flags = [f"--{name}={value}" for name, value in {**TINY, "epochs": 500}.items()]
    command = [
        sys.executable,
        "-m",
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={data}",
        f"--output={tmp_path}",
    ]
    with subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "log.csv").is_file() and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        text = process.communicate()[0]
    assert process.returncode == 130 and "the same command goes on" in text
    assert load_checkpoint(tmp_path / "last").spec.num_segments == 2


@pytest.mark.slow
def test_commands(data, tmp_path):
    def python(*arguments):
        return subprocess.run(
            [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True
        )

    flags = [f"--{name}={value}" for name, value in TINY.items()]
    output = tmp_path / "run"
    done = python(
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={data}",
        f"--output={output}",
        *flags,
        "--shift_mode=none",
    )
    assert done.returncode == 0, done.stderr
    assert "Swiping Left <-> Swiping Right" in done.stdout and "shift_mode none" in done.stdout
    done = python("tsm_tf.evaluation", f"--checkpoint={output}", f"--data={data}")
    assert done.returncode == 0 and (output / "evaluation" / "val" / "metrics.json").is_file(), (
        done.stderr
    )
    (data / "broken").mkdir()
    folder = write_data(data / "broken", {"train": 4, "val": 2})
    (folder / "train 1.mp4").write_text("text")
    done = python(
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={folder}",
        f"--output={tmp_path / 'b'}",
        *flags,
    )
    assert (
        done.returncode == 1 and "train 1.mp4" in done.stderr and "Traceback" not in done.stderr
    ), done.stderr
    skip = [f"--output={tmp_path / 'c'}", *flags, "--on_bad_video=skip"]
    done = python("tsm_tf.training", "--recipe=gestures", f"--data={folder}", *skip)
    assert done.returncode == 0 and "1 videos left out of epoch 1" in done.stdout, done.stderr
    assert "ran out of data" not in done.stderr
