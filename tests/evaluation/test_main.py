"""Tests of `python -m tsm_tf.evaluation`."""

import re
import subprocess
import sys

import pytest
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, save_checkpoint

LABELS = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A checkpoint, and a data folder whose `val` has videos from two of the three classes."""
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(with_weights(build_model(SPEC)), checkpoint)
    return checkpoint, write_data(tmp_path_factory.mktemp("data"), {"val": 2}, labels=LABELS)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tsm_tf.evaluation", *arguments],
        capture_output=True,
        text=True,
    )


def test_prints_each_class_and_writes_beside_the_checkpoint(folders):
    checkpoint, data = folders
    done = run(f"--checkpoint={checkpoint}", f"--data={data}", "--worst=24")
    assert done.returncode == 0, done.stderr

    output = checkpoint / "evaluation" / "val"
    *_, first, second, third, last = done.stdout.splitlines()
    assert re.fullmatch(r" *\d+\.\d%  Swiping Left \(1 videos\)", first)
    assert re.fullmatch(r" *\d+\.\d%  Ärger \(1 videos\)", second)
    assert third == "   -    drum & bass (0 videos)"
    pattern = (
        r"top-1 \d+\.\d%, top-5 100\.0%, mean class accuracy \d+\.\d% on 2 videos; written to "
    )
    assert re.fullmatch(pattern + re.escape(str(output)), last)
    assert (output / "scores.npz").is_file() and (output / "worst.png").is_file()


def test_refuses_an_unknown_protocol():
    done = run("--checkpoint=c", "--data=d", "--protocol=best")
    assert done.returncode == 1 and "<efficient|something_accurate|" in done.stderr, done.stderr
