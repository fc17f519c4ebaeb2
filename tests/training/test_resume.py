"""Real processes, stopped in every way, resume to the same bits."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from videos import write_data

from tsm_tf.training.run_folder.run_settings import LAUNCHES_FILE, RUN_FILE
from tsm_tf.training.run_folder.state import OLD_STATES, STATES, load_newest

pytestmark = pytest.mark.slow

FLAGS = {
    "backbone": "resnet18",
    "epochs": 3,
    "batch_size": 2,
    "num_segments": 2,
    "input_size": 32,
    "checkpoint_steps": 1,
    "strategy": "none",
}
STEPS = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 2 * STEPS, "val": 4})


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The folder of an uninterrupted training."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    done = finish(data, output)
    assert done.returncode == 0, done.stderr
    return output


def command(data, output, **changes):
    flags = [f"--{name}={value}" for name, value in {**FLAGS, **changes}.items()]
    return [
        sys.executable,
        "-m",
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={data}",
        f"--output={output}",
        *flags,
    ]


def start(data, output, **changes):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(data, output, **changes), **pipes)


def finish(data, output, **options):
    return subprocess.run(command(data, output), capture_output=True, text=True, **options)


def wait_for(process, happened):
    while not happened():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def states(output):
    return sorted(path.name.rpartition("-")[0] for path in (output / STATES).glob("[0-9]*.npz"))


def rows(output):
    with (output / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_same(output, whole):
    one, other = load_newest(output), load_newest(whole)
    assert (one.epoch, one.batch) == (other.epoch, other.batch) == (FLAGS["epochs"], 0)
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    assert rows(output) == rows(whole)


def test_killed_again_and_again(data, whole, tmp_path):
    """In mid-epoch; while a state is written; after an epoch, before its checkpoints."""
    moments = (
        lambda: "00000-0000004" in states(tmp_path),
        lambda: states(tmp_path)[-1:] > ["00001"] and list((tmp_path / STATES).glob(".writing*")),
        lambda: any(name.startswith("00002-0000000") for name in states(tmp_path)),
    )
    for moment in moments:
        with start(data, tmp_path) as process:
            wait_for(process, moment)
            process.kill()
    assert finish(data, tmp_path).returncode == 0
    assert_same(tmp_path, whole)
    lines = (tmp_path / LAUNCHES_FILE).read_text().splitlines()
    launches = [json.loads(line) for line in lines]
    assert len(launches) == 4
    assert "--batch_size=2" in launches[0]["command"] and launches[0]["versions"]["keras"]


def test_a_damaged_state_costs_no_more_than_its_steps(data, whole, tmp_path):
    with start(data, tmp_path) as process:
        wait_for(process, lambda: "00001-0000002" in states(tmp_path))
        process.kill()
    newest = max((tmp_path / STATES).glob("[0-9]*.npz"))
    os.truncate(newest, newest.stat().st_size // 2)
    done = finish(data, tmp_path)
    assert (
        done.returncode == 0
        and f"{newest} is damaged" in done.stderr
        and "resuming: epoch 2" in done.stdout
    )
    assert_same(tmp_path, whole)


def test_sigterm_saves_and_says_how_to_resume(data, whole, tmp_path):
    with start(data, tmp_path, checkpoint_steps=0) as process:
        wait_for(process, lambda: (tmp_path / "log.csv").is_file())
        process.terminate()
        text = process.communicate()[0]
    assert process.returncode == 0 and "run the same command again" in text
    assert load_newest(tmp_path).epoch >= 1
    assert finish(data, tmp_path).returncode == 0
    assert_same(tmp_path, whole)


def test_sigterm_in_the_validation(data, whole, tmp_path):
    """It follows the last step of an epoch, so the state has all the steps of the epoch."""
    last = f"00000-{STEPS:07d}"
    with start(data, tmp_path) as process:
        wait_for(process, lambda: last in states(tmp_path))
        process.terminate()
        process.communicate()
    assert process.returncode == 0 and states(tmp_path)[-1] == last
    assert finish(data, tmp_path).returncode == 0
    assert_same(tmp_path, whole)


def test_a_run_of_an_older_version(data, whole, tmp_path):
    """Its states and launches had other names, and its settings fewer."""
    with start(data, tmp_path) as process:
        wait_for(process, lambda: "00001-0000002" in states(tmp_path))
        process.kill()
    (tmp_path / STATES).rename(tmp_path / OLD_STATES)
    (tmp_path / LAUNCHES_FILE).rename(tmp_path / "starts.jsonl")
    settings = json.loads((tmp_path / RUN_FILE).read_text())
    for name in ("shift_place", "temporal_pool", "modality"):
        del settings[name]
    (tmp_path / RUN_FILE).write_text(json.dumps(settings))

    done = finish(data, tmp_path)
    assert done.returncode == 0 and "resuming: epoch 2, step" in done.stdout, done.stderr
    assert_same(tmp_path, whole)
    other = command(data, tmp_path, shift_place="block")
    done = subprocess.run(other, capture_output=True, text=True)
    assert done.returncode == 1 and "must be a new folder for another shift_place" in done.stderr


def test_full_disk(data, whole, tmp_path):
    """Files cannot grow above a size that ends within the first state, as on a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = finish(data, tmp_path, preexec_fn=limit)
    assert (
        done.returncode == 1 and "`output` must be writable and have free space" in done.stderr
    ), done.stderr
    assert (
        "Traceback" not in done.stderr
        and not list(tmp_path.rglob(".writing*"))
        and not states(tmp_path)
    )
    assert finish(data, tmp_path).returncode == 0
    assert_same(tmp_path, whole)


def test_a_nan_loss(data, tmp_path):
    with start(data, tmp_path, learning_rate=1e30) as process:
        _, error = process.communicate()
    assert process.returncode == 1 and "Traceback" not in error, error
    assert "`learning_rate` must be lower" in error and "infinite at epoch 1, step" in error
    newest = load_newest(tmp_path)
    assert newest is None or all(np.isfinite(v).all() for v in newest.arrays.values())
