"""Loads the hostile files in `tests/hostile`: nothing runs, and each ends in one line or a result.

Covers tsm_tf/models/keras_json.py, tsm_tf/models/keras_classes.py, and in tsm_tf/weights: hdf5.py,
keras_file.py, npz.py, archives.py, torch_file.py, tensor_pickle.py, torch_objects.py and
file_kinds.py.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys

import pytest
from hostile import networks, states, torch_files, weight_files

ROOT = pathlib.Path(__file__).parents[2]
MEMORY = 2 << 20  # kB
MUST_BE_REFUSED = {
    # group: the cases that must not load; of others, what matters is that they do no harm
    "networks": set(networks.NETWORKS) - networks.MAY_LOAD,
    "hdf5": set(weight_files.HDF5) - weight_files.HDF5_MAY_LOAD,
    "keras": set(weight_files.KERAS) - weight_files.KERAS_MAY_LOAD,
    "legacy": set(weight_files.LEGACY),
    "npz": set(weight_files.NPZ),
    "torch": set(torch_files.FILES) - torch_files.MAY_LOAD,
    "states": set(states.STATES) - {"meta_missing_fields"},
}


HARMLESS = {"harmless", *torch_files.HARMLESS}


def run_group(group, folder, every=1):
    """Returns the results of a group by case; a process that dies is replaced by another."""
    results, skipped = {}, 0
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "TSM_CANARY": str(folder / "canary"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    while True:
        command = [sys.executable, "-m", "hostile.worker", group, folder, str(every), str(skipped)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        lines = [json.loads(x) for x in done.stdout.splitlines() if x.startswith('{"')]
        results.update({line["case"]: line for line in lines if "case" in line})
        if done.returncode == 0:
            assert len(lines[-1]["control"]) == 3  # the watch sees a write, a process, the canary
            return results
        if not lines or "started" not in lines[-1]:
            raise AssertionError(f"the worker failed: {done.stderr[-2000:]}")
        died = lines[-1]
        results[died["started"]] = {"outcome": f"exit {done.returncode}", "text": "", "wrong": []}
        skipped = died["index"] + 1


def check(group, results):
    """Asserts that no case did harm, and prints how many ended in what."""
    counts = collections.Counter(result["outcome"] for result in results.values())
    peak = max(result.get("peak_kb", 0) for result in results.values())
    print(f"{group}: {len(results)} cases, {dict(counts)}, peak {peak >> 10} MiB")

    odd = {case: (x["outcome"], x["text"]) for case, x in results.items()}
    odd = {case: what for case, what in odd.items() if what[0] not in ("loaded", "refused")}
    assert not odd
    assert not {case: x["wrong"] for case, x in results.items() if x["wrong"]}
    loaded = {case for case, result in results.items() if result["outcome"] == "loaded"}
    assert not loaded & (MUST_BE_REFUSED.get(group, set()) - HARMLESS)
    assert loaded >= results.keys() & HARMLESS  # or the others may be refused for no reason
    assert peak < MEMORY


GROUPS = ["networks", "specs", "hdf5", "keras", "legacy", "npz", "safetensors", "torch", "states"]


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_every_case(group, tmp_path):
    check(group, run_group(group, tmp_path))


def test_some_cases(tmp_path):
    check("networks", run_group("networks", tmp_path, every=4))


@pytest.mark.skipif(torch_files.torch is None, reason="make test-torch has it")
def test_files_of_torch(tmp_path):
    check("torch", run_group("torch", tmp_path))


def test_the_corpus_is_large():
    checkpoints = len(networks.NETWORKS) + len(states.STATES)
    assert checkpoints > 100 and len(weight_files.HDF5) > 40 and len(weight_files.KERAS) > 40
    assert len(torch_files.FILES) > 400
