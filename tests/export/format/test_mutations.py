"""A quick part of `tests/mutations.py`: hostile files end in an error or a run, not in a crash."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import mutations
import numpy as np
import pytest
from mutants import KINDS, random_mutant
from mutations import CHECK, configurations, run_all

from export.format.metadata import read_contents
from tsm_tf.errors import InputError

SCRIPT = pathlib.Path(__file__).parents[2] / "mutations.py"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def good(tmp_path):
    return [tmp_path / f"{i}.tflite" for i in range(5)]


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "SIGSEGV"),
        (lambda: os._exit(3), "exit"),
        (lambda: np.ones(2**25), "memory"),
        (lambda: (signal.alarm(1), time.sleep(60)), "SIGALRM"),
    ],
)
def test_the_file_that_kills_a_child_is_found(good, failure, result, monkeypatch):
    """One of five files kills its process; the other results are kept."""
    monkeypatch.setattr(mutations, "MEMORY", 2**26)

    def run_one(path, _):
        if path == good[3]:
            failure()
        return "ran"

    results = {path: result for path, result, _ in run_all(good, CHECK, run_one)}
    assert results == {**dict.fromkeys(good, "ran"), good[3]: result}


def test_an_exception_is_a_failure_with_its_text(good):
    def run_one(path, _):
        if path == good[0]:
            os.write(1, b"the reason")
            return "exception"
        return "refused"

    results = list(run_all(good, CHECK, run_one))
    assert [result for _, result, _ in results] == ["exception", *["refused"] * 4]
    assert "the reason" in results[0][2]


def test_random_mutants_are_errors_or_runs(online, int8, tmp_path):
    """Without an interpreter: `InputError` or a file that passes, for each kind of damage."""
    path, refused = tmp_path / "mutant.tflite", 0
    for content in (online.read_bytes(), int8.read_bytes()):
        rng = np.random.default_rng(0)
        for kind in KINDS:
            for _ in range(4):
                path.write_bytes(random_mutant(rng, content, kind))
                try:
                    read_contents(path)
                except InputError:
                    refused += 1
    assert 40 < refused < 80


def test_directed_mutants_run_or_are_refused(online, int8, tmp_path):
    """Every 60th change of a field, in all installed interpreters, without TensorFlow."""
    pytest.importorskip("ai_edge_litert", reason="has the schema")
    command = [sys.executable, SCRIPT, online, int8, "--every=60", "--random=20"]
    done = subprocess.run([*command, f"--keep={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d\d+ mutated files in \d+ s: 0 failures$", done.stdout, re.MULTILINE)
    for configuration in configurations():
        pattern = rf"^directed +{' '.join(configuration)} +ran +\d"
        assert re.search(pattern, done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^random +check +refused +\d", done.stdout, re.MULTILINE)
