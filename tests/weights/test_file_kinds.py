"""Covers tsm_tf/weights/file_kinds.py and what readers say about files that are something else."""

import io
import tarfile

import h5py
import numpy as np
import pytest
from testing import refuses

from tsm_tf.weights.file_kinds import check_content
from tsm_tf.weights.state_dicts import read_state_dict

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 97787654\n"


def tar_file():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pth"))
    return buffer.getvalue()


def hdf5_file():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["a"] = np.zeros(3)
    return buffer.getvalue()


def npz_file():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name, content, parts",
    [
        ("a.pth", LFS, ("Git LFS pointer", "git lfs pull")),
        ("a.h5", LFS, ("Git LFS pointer", "git lfs pull")),
        ("a.pth", b"\n<!DOCTYPE html><html>", ("web page", "download the file itself")),
        ("a.safetensors", b"<?xml version='1.0'?><Error/>", ("XML", "download")),
        ("a.pth", b"", ("empty", "again")),
        ("a.pth", bytes(5000), ("zeros", "again")),
        ("a.pth", npz_file()[:-40], ("truncated", "again")),
        ("a.keras", npz_file()[:200], ("truncated", "again")),
        ("a.pth.tar", tar_file(), ("tar archive", "unpack")),
        ("a.npz", b"\x1f\x8b\x08" + bytes(9), ("compressed archive", "unpack")),
        ("a.npz", b"\x80\x02}q\x00.", ("PyTorch", "tsm_tf.weights")),
        ("a.pth", hdf5_file(), ("HDF5", ".h5")),
        ("a.h5", npz_file(), ("ZIP", ".keras")),
    ],
)
def test_says_what_a_file_is_and_what_to_do(tmp_path, name, content, parts):
    path = tmp_path / name
    path.write_bytes(content)
    with refuses("input", "this one", *parts, str(path)):
        check_content(path, "input")


@pytest.mark.parametrize(
    "name, content",
    [("a.h5", hdf5_file()), ("a.npz", npz_file()), ("a.pyth", b"\x80\x02}q\x00."), ("spec", b"{}")],
)
def test_right_files_pass(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    check_content(path, "input")


def test_readers_say_it(tmp_path):
    for name in ("a.pth", "a.ckpt", "a.npz", "a.safetensors"):
        (tmp_path / name).write_bytes(LFS)
        with refuses("input", "Git LFS pointer"):
            read_state_dict(tmp_path / name)


def test_a_damaged_file_is_one_line(tmp_path):
    for name in ("a.npz", "a.safetensors"):
        (tmp_path / name).write_bytes(b"\x01\x02damaged")
        with refuses("input", "undamaged") as caught:
            read_state_dict(tmp_path / name)
        assert "\n" not in str(caught.value)
