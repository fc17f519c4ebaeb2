"""Covers tsm_tf/weights/torch_file.py, tensor_pickle.py and torch_objects.py.

`tests/hostile/torch_files.py` has hundreds of hostile files for them.
"""

import argparse
import collections
import io
import os
import pickle

import ml_dtypes
import numpy as np
import pytest
from hostile import torch_files
from testing import refuses
from torch_writer import Parameter, View, save, write_old

from tsm_tf.weights import tensor_pickle
from tsm_tf.weights.state_dicts import read_state_dict
from tsm_tf.weights.torch_file import read_torch

both_formats = pytest.mark.parametrize("is_old", [False, True], ids=["zip", "old"])
DTYPES = ("float64", "float32", "float16", ml_dtypes.bfloat16, "int64", "int32", "uint8", "bool")


def tensors():
    base = np.arange(12, dtype=np.float32) / 8
    return {
        **{str(np.dtype(dtype)): np.array([[0, 1, 2], [3, 5, 96]], dtype) for dtype in DTYPES},
        "scalar": np.float32([7.5]).reshape(()),
        "empty": np.zeros((0, 3), np.float32),
        "parameter": Parameter(np.float32([1.5, -2.5])),
        "shared": View(base, 4, (2, 3), (3, 1)),
        "transposed": View(base, 0, (3, 4), (1, 3)),
    }


def expected():
    base = np.arange(12, dtype=np.float32) / 8
    others = {
        "parameter": np.float32([1.5, -2.5]),
        "shared": base[4:10].reshape(2, 3),
        "transposed": base.reshape(4, 3).T,
    }
    return {**tensors(), **others}


@both_formats
def test_every_type_of_number_and_view(tmp_path, is_old):
    path = tmp_path / "a.pth"
    save(tensors(), path, is_old)
    found = read_torch(path, "input")
    assert list(found) == list(tensors())
    for name, array in expected().items():
        is_float = array.dtype.kind not in "iub"
        assert found[name].dtype == (np.float32 if is_float else array.dtype), name
        np.testing.assert_array_equal(found[name], array.astype(found[name].dtype), name)


@both_formats
@pytest.mark.parametrize("container", ["state_dict", "model_state_dict", "model_state", "model"])
def test_what_is_beside_the_weights_is_left_out(tmp_path, is_old, container):
    path = tmp_path / "a.pth"
    beside = {
        "epoch": 50,
        "best_prec1": np.float64(0.7),
        "args": argparse.Namespace(lr=0.1),
        "classes": {"a", "b"},
        "counter": collections.Counter("ab"),
        "log": np.arange(5),
        "optimizer": {"state": {3: {"momentum_buffer": np.ones(9, np.float32)}}},
    }
    save({**beside, container: {"w": np.float32([1, 2])}}, path, is_old)
    found = read_torch(path, "input")
    assert found.keys() == {"w"}
    np.testing.assert_array_equal(found["w"], np.float32([1, 2]))


def test_parts_of_storages_and_dicts_of_python_2(tmp_path):
    """As written by PyTorch before 0.4, and by Python 2, in instructions."""
    reference = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        b"K\x06X\x04\x00\x00\x00viewK\x02K\x03\x87tQ"
    )
    tensor = b"ctorch._utils\n_rebuild_tensor\n(" + reference + b"K\x01K\x02\x85K\x01\x85tR"
    data = b"\x80\x02ccollections\nOrderedDict\n]](U\x01w" + tensor + b"ea\x85R."
    write_old(tmp_path / "a.pth", data, {"0": np.float32([0, 1, 2, 3, 4, 5])})
    found = read_torch(tmp_path / "a.pth", "input")
    assert found.keys() == {"w"}  # numbers 2 to 4 are the part, of which the first is left out
    np.testing.assert_array_equal(found["w"], np.float32([3, 4]))


@both_formats
def test_names_what_is_not_a_state_dict(tmp_path, is_old):
    path = tmp_path / "a.pth"
    for content in (argparse.Namespace(x=1), {"model": argparse.Namespace(x=1)}):
        save(content, path, is_old)
        with refuses("input", "not a pickled argparse.Namespace", "state_dict()"):
            read_torch(path, "input")
    save({"w": np.ones(2, np.complex64)}, path, is_old)
    with refuses("input"):
        read_torch(path, "input")


def test_a_pickle_that_is_not_from_torch(tmp_path):
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"w": 1}, 2))
    with refuses("input", "not from torch.save"):
        read_torch(tmp_path / "a.pth", "input")


class Payload:
    def __reduce__(self):
        return os.system, ("false",)


def test_names_are_never_imported_or_called():
    """Every class and function stays a name, whatever the pickle does with it."""
    for protocol in range(2, 6):
        found = tensor_pickle.load(io.BytesIO(pickle.dumps({"x": [Payload()]}, protocol)))
        (unknown,) = found["x"]
        assert type(unknown).__name__ == "Unknown" and unknown.name == "posix.system"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_is_what_pickle_reads(protocol):
    content = {
        "numbers": [1, -5, 300, 70_000, 1 << 40, -(1 << 70), 0.5, float("inf")],
        "text": ["", "é", "x" * 300],
        "bytes": b"\x00\xff" * 200 if protocol > 2 else None,
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "constants": (None, True, False),
        7: {"nested": {"again": []}},
    }
    found = tensor_pickle.load(io.BytesIO(pickle.dumps(content, protocol)))
    assert found == content


@both_formats
def test_torch_reads_what_the_tests_write(tmp_path, is_old):
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    path = tmp_path / "a.pth"
    save(tensors(), path, is_old)
    found = torch.load(path, weights_only=True)
    for name, array in expected().items():
        theirs = found[name].detach()
        theirs = theirs.float() if theirs.is_floating_point() else theirs
        np.testing.assert_array_equal(theirs.numpy(), array.astype(theirs.numpy().dtype), name)


def test_hostile_files_end_in_one_line(tmp_path):
    """A part of the hostile files; the slow tests watch all of them in a process."""
    left_out = {"bomb", "shared", "shared_old", "names", "names_old"}  # slow, or odd names only
    names = sorted(set(torch_files.FILES) - torch_files.MAY_LOAD - left_out)
    for name in names[::3]:
        path = tmp_path / "a.pth"
        path.unlink(missing_ok=True)
        torch_files.FILES[name](path)
        if path.stat().st_size > 100_000:  # takes long
            continue
        with refuses("input") as caught:
            read_state_dict(path)
        assert "\n" not in str(caught.value), name
    assert not os.path.exists(torch_files.CANARY)
