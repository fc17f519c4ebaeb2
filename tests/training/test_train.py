"""`train`, on real videos, and what stops it before it starts."""

import csv
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint
from tsm_tf.data.epoch_order import Share
from tsm_tf.data.listing import Listing
from tsm_tf.devices import Devices, pick_devices
from tsm_tf.training.model import build_initialised
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.train import check_settings, make_plan, steps_per_epoch, train

# ResNet-18 has the fewest layers, which decides how long TensorFlow takes before the first step.
# With SGD that is a third of the time that it takes with AdamW.
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


def test_files_of_a_run(run, data):
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


def test_a_finished_run_is_not_trained_again(run, data, capsys):
    train(get_recipe("gestures", **TINY), data, run[0])
    assert "already has all its 2 epochs" in capsys.readouterr().out and len(rows_of(run[0])) == 2


def test_starts_from_another_checkpoint(run, data, capsys):
    recipe, start = get_recipe("gestures", **TINY), Initialization(init=str(run[0] / "last"))
    plan = make_plan(recipe, Listing(data), pick_devices("none"))
    model, has_new_head = build_initialised(plan.spec, recipe, start)

    assert "new: none" in capsys.readouterr().out and not has_new_head
    for found, expected in zip(model.get_weights(), run[1].get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_data_with_other_classes_gets_a_new_head(run, tmp_path, capsys):
    changes = {"epochs": 1, "learning_rate": 1e-12, "optimizer": "sgd"}
    recipe, start = get_recipe("gestures", **{**TINY, **changes}), str(run[0] / "last")
    data = write_data(tmp_path / "three", {"train": 3, "val": 3}, labels=("x", "y", "z"))
    model = train(recipe, data, tmp_path / "run", initialization=Initialization(init=start))

    text = capsys.readouterr().out
    assert f"initial weights from {start}; new: head/kernel, head/bias" in text
    name = "layer4_1_conv2"
    expected = run[1].get_layer(name).kernel
    np.testing.assert_allclose(model.get_layer(name).kernel, expected, atol=1e-6)


def test_a_checkpoint_of_another_network_stops_it_before_work(run, data, tmp_path):
    recipe = get_recipe("gestures", **{**TINY, "backbone": "resnet34"})
    start, output = Initialization(init=str(run[0])), tmp_path / "run"
    with refuses("init", "layer1_2_conv1/kernel"):
        train(recipe, data, output, initialization=start)
    assert not output.exists()  # so that the corrected command finds no folder of another run


def test_classes_of_a_flip_file_are_never_flipped(data, tmp_path, capsys):
    flips = tmp_path / "flips.json"
    flips.write_text('{"Swiping Left": null, "Swiping Right": null}')
    recipe = get_recipe("gestures", flips=str(flips), **TINY)
    make_plan(recipe, Listing(data), pick_devices("none"))
    assert "never flipped: Swiping Left, Swiping Right" in capsys.readouterr().out


def test_bad_arguments_stop_it_before_work(run, data, tmp_path):
    with refuses("output", "another epochs", "3"):
        train(get_recipe("gestures", **{**TINY, "epochs": 3}), data, run[0])
    with refuses("output", "must be a folder that can be written", "/proc/tsm"):
        train(get_recipe("gestures", **TINY), data, "/proc/tsm")
    with refuses("output", "must be a folder that can be written", "Not a directory"):
        train(get_recipe("gestures", **TINY), data, data / "labels.txt" / "run")
    (tmp_path / "mine").touch()
    with refuses("output", "new or empty"):
        train(get_recipe("gestures", **TINY), data, tmp_path)
    with pytest.raises(
        FileNotFoundError,
        match=r"`flips` must be auto, all, none, or a file of class names.*'sometimes'",
    ):
        train(get_recipe("gestures", flips="sometimes", **TINY), data, tmp_path / "new")


def test_ctrl_c_says_how_to_resume(data, tmp_path):
    changes = {"epochs": 500, "optimizer": "sgd"}
    flags = [f"--{name}={value}" for name, value in {**TINY, **changes}.items()]
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
    assert process.returncode == 130 and "run the same command again" in text
    assert load_checkpoint(tmp_path / "last").spec.num_segments == 2


@pytest.mark.parametrize(
    ("file", "content", "rule"),
    [
        ("train.txt", "", "at least one video"),
        ("labels.txt", "", "at least one"),
        ("labels.txt", "Only\n", "at least two classes"),
        ("train.txt", '"train 0.mp4" 2 0\n', "training videos of at least 3 frames"),
    ],
)
def test_data_that_cannot_be_trained_on(data, tmp_path, file, content, rule):
    shutil.copytree(data, folder := tmp_path / "data")
    (folder / file).write_text(content)
    with refuses("data", rule):
        train(get_recipe("gestures", **TINY), folder, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_checkpoints_that_are_missing_or_do_not_fit(data, tmp_path):
    other = ModelSpec(
        backbone="resnet18", num_segments=2, input_size=32, num_classes=2, labels=("a", "b")
    )
    save_checkpoint(build_model(other), tmp_path / "other")
    recipe = get_recipe("gestures", **TINY)
    (data / "val.txt").rename(hidden := data / "hidden.txt")
    with pytest.raises(FileNotFoundError, match=r"`data` must be a folder with val\.txt"):
        train(recipe, data, tmp_path / "run")
    hidden.rename(data / "val.txt")
    for name in ("init", "teacher"):
        with pytest.raises(FileNotFoundError, match=f"`{name}` must be a folder with spec.json"):
            train(
                recipe, data, tmp_path / "run", initialization=Initialization(**{name: "nowhere"})
            )
    with refuses("teacher", "labels", "Swiping Left", "('a', 'b')"):
        train(
            recipe,
            data,
            tmp_path / "run",
            initialization=Initialization(teacher=str(tmp_path / "other")),
        )
    (tmp_path / "other" / "model.weights.h5").write_bytes(b"text")
    with refuses("init", "weights"):
        train(
            recipe,
            data,
            tmp_path / "run",
            initialization=Initialization(init=str(tmp_path / "other")),
        )
    with refuses("temperature", "positive"):
        train(recipe, data, tmp_path / "run", initialization=Initialization(temperature=0.0))
    assert not (tmp_path / "run").exists()


def test_settings_that_exclude_each_other(monkeypatch):
    recipe = get_recipe("gestures")
    two = Devices(strategy=object(), share=Share(replicas=2))
    with refuses("mixed_precision", "must be bfloat16 with several devices"):
        execution = Execution(mixed_precision="float16")
        check_settings(recipe, Initialization(), execution, two)
    with refuses("on_bad_video", "must be stop with several devices"):
        check_settings(recipe, Initialization(), Execution(on_bad_video="skip"), two)
    with refuses("sync_batch_norm", "must be false with accumulate"):
        execution = Execution(sync_batch_norm=True)
        check_settings(recipe.replace(accumulate=2), Initialization(), execution, Devices())
    check_settings(recipe, Initialization(teacher="t"), Execution(profile=True), Devices())

    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    check_settings(recipe, Initialization(), Execution(), Devices())
    with refuses("accumulate", "must be 1 unless KERAS_BACKEND is tensorflow"):
        check_settings(recipe.replace(accumulate=2), Initialization(), Execution(), Devices())
    with refuses("profile", "must be False unless KERAS_BACKEND is tensorflow"):
        check_settings(recipe, Initialization(), Execution(profile=True), Devices())
    with refuses("teacher", "must be None unless KERAS_BACKEND is tensorflow"):
        check_settings(recipe, Initialization(teacher="t"), Execution(), Devices())


def test_steps_per_epoch():
    recipe = get_recipe("gestures", batch_size=4, accumulate=2)
    assert steps_per_epoch(recipe, 23, drop_last=True) == 2
    assert steps_per_epoch(recipe, 23, drop_last=False) == 3
    assert steps_per_epoch(recipe, 24, drop_last=False) == 3
    with refuses("batch_size", "with accumulate=2, be at most the 7 training videos", "4"):
        steps_per_epoch(recipe, 7, drop_last=True)
