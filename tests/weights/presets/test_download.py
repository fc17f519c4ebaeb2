"""Downloads from a server on this machine, with small files and every fault.

`test_load.py` downloads whole networks.
"""

import dataclasses
import functools
import hashlib
import json
import os
import time

import numpy as np
import pytest
import torch_writer
from file_server import FileServer, redirect, send
from testing import refuses

from tsm_tf.errors import InputError
from tsm_tf.weights.presets.download import RECORD, adopt, obtain, preset_folder
from tsm_tf.weights.presets.table import File, find_preset
from tsm_tf.weights.torch_file import read_torch

PAGE = b"<!DOCTYPE html><title>This domain has expired</title>"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "keras"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return torch_file(tmp_path_factory.mktemp("torch") / "a.pth", 1000)


def torch_file(path, count):
    weights = {"w": np.arange(count, dtype=np.float32)}
    torch_writer.save({"state_dict": weights, "epoch": 50}, path, is_old=True)
    return path.read_bytes()


def digest(content):
    return hashlib.sha256(content).hexdigest()


def preset_of(*files):
    """A preset whose files are `(url, digits)`."""
    return dataclasses.replace(
        find_preset("tsm_r50_8f_kinetics400"),
        files=tuple(File(url, digits) for url, digits in files),
    )


def check(path):
    """Reads a file as the loader does, without comparing it with a network."""
    read_torch(path, "input")


def left_in(preset):
    return sorted(path.name for path in preset_folder(preset).iterdir())


def test_a_download_is_checked_and_remembered_and_a_second_call_asks_nobody(content, home, capsys):
    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), digest(content)[:8]))
        local = obtain(preset, check)
        assert server.requests == ["/a.pth"]
        assert obtain(preset, check) == local and server.requests == ["/a.pth"]
        assert obtain(preset, check, digest(content)) == local and len(server.requests) == 1

    assert local.path == home / "presets" / preset.name / "a.pth"
    assert local.path.read_bytes() == content and local.sha256 == digest(content)
    assert left_in(preset) == ["a.pth", RECORD]
    record = json.loads((preset_folder(preset) / RECORD).read_text())
    assert record["url"] == preset.files[0].url and record["size"] == len(content)
    assert record["sha256"] == digest(content) and "MIT" in record["licence"]
    said = capsys.readouterr().out
    assert said.count("licence: MIT") == 1 and said.count("mit-han-lab/temporal-shift-module") == 1


def short(handler, content):
    send(handler, content[:2000], len(content))


FAULTS = {
    # what the server answers: the answer, and what the error says about it
    "missing": (lambda content: None, "404"),
    "page": (lambda content: PAGE, "web page"),
    "page_after_redirect": (lambda content: redirect("/page"), "web page"),
    "short": (lambda content: functools.partial(short, content=content), "retrieval incomplete"),
    "empty": (lambda content: b"", "empty"),
    "error": (lambda content: lambda handler: send(handler, b"x", code=503), "503"),
    "flipped": (lambda content: content[:-3] + b"\x01" + content[-2:], "SHA-256 begins with"),
    "other_format": (lambda content: b"\x89HDF\r\n\x1a\n" + content, "HDF5"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_a_mirror_helps(content, fault):
    answer, says = FAULTS[fault]
    with FileServer(**{"a.pth": answer(content), "b.pth": content, "page": PAGE}) as server:
        only = preset_of((server.url("a.pth"), digest(content)[:8]))
        with refuses("preset", server.url("a.pth"), says, "--input=FILE", "a.pth") as caught:
            obtain(only, check)
        assert digest(content)[:8] in str(caught.value) and "\n" not in str(caught.value)
        assert left_in(only) == []

        mirrored = preset_of(*((server.url(f"{x}.pth"), digest(content)[:8]) for x in "ab"))
        local = obtain(mirrored, check)
        assert local.path.read_bytes() == content and left_in(mirrored) == ["a.pth", RECORD]
        record = json.loads((preset_folder(mirrored) / RECORD).read_text())
        assert record["url"] == server.url("b.pth")


def test_a_cut_file_without_a_published_hash_is_noticed_when_it_is_read(content):
    with FileServer(**{"a.pth": content[:-100]}) as server:
        preset = preset_of((server.url("a.pth"), ""))
        with refuses("preset", "ends too early"):
            obtain(preset, check)
        assert left_in(preset) == []
        server.files["/a.pth"] = content
        assert obtain(preset, check).path.read_bytes() == content


def test_nothing_listens_at_the_first_url(content):
    with FileServer(**{"b.pth": content}) as server:
        with FileServer() as dead:
            url = dead.url("a.pth")
        assert obtain(preset_of((url, ""), (server.url("b.pth"), "")), check).path.name == "a.pth"
        with refuses("preset", url, "refused"):
            obtain(dataclasses.replace(preset_of((url, "")), name="other"), check)


def test_a_file_without_a_published_hash_must_stay_the_same(content, tmp_path):
    other = torch_file(tmp_path / "other.pth", 999)
    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), ""))
        path = obtain(preset, check).path
        path.unlink()
        server.files["/a.pth"] = other
        with refuses("preset", digest(content), "downloaded on 20", digest(other)):
            obtain(preset, check)
        assert obtain(preset, check, digest(other)).path.read_bytes() == other  # a person says so
        assert obtain(preset, check).sha256 == digest(other)


def test_a_damaged_local_file_is_replaced(content):
    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), ""))
        path = obtain(preset, check).path
        path.write_bytes(content[:500])
        assert obtain(preset, check).path.read_bytes() == content and len(server.requests) == 2


def test_a_published_hash_may_be_wrong_and_a_person_can_accept_the_file(content):
    """Some names of MMAction2 hold a hash of something else."""
    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), "c799267e"))
        with refuses("preset", "begins with c799267e, which is published", digest(content)):
            obtain(preset, check)
        assert obtain(preset, check, digest(content)).path.read_bytes() == content
        assert obtain(preset, check).sha256 == digest(content)


def test_files_by_hand(content, tmp_path):
    """Given as an argument, or copied to where the error says; no request is made."""
    preset = preset_of(("http://127.0.0.1:9/a.pth", digest(content)[:8]))
    by_hand = tmp_path / "browser (1).download"
    by_hand.write_bytes(content)
    assert adopt(preset, by_hand, check).path.read_bytes() == content
    assert obtain(preset, check).sha256 == digest(content)

    copied = dataclasses.replace(preset, name="copied")
    preset_folder(copied).mkdir(parents=True)
    (preset_folder(copied) / "a.pth").write_bytes(content)
    assert obtain(copied, check).sha256 == digest(content)
    assert left_in(copied) == ["a.pth", RECORD]

    by_hand.write_bytes(PAGE)
    with refuses("input", "web page", str(by_hand)):
        adopt(preset, by_hand, check)
    with refuses("input", "existing file"):
        adopt(preset, tmp_path / "nothing", check)
    assert obtain(preset, check).sha256 == digest(content)


def test_leftovers_of_killed_downloads_are_removed_and_those_of_others_stay(content):
    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), ""))
        folder = preset_folder(preset)
        folder.mkdir(parents=True)
        for name, age in ((".writing.1.a.pth", 7200), (".writing.2.a.pth", 10)):
            (folder / name).write_bytes(content[:99])
            os.utime(folder / name, (time.time() - age,) * 2)
        assert obtain(preset, check).path.read_bytes() == content
        assert left_in(preset) == [".writing.2.a.pth", "a.pth", RECORD]


def test_a_folder_that_cannot_be_written(content, tmp_path, monkeypatch):
    """Keras would take a folder in /tmp without a message."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with FileServer(**{"a.pth": content}) as server:
        with refuses("KERAS_HOME", "must be a folder that can be written"):
            obtain(preset_of((server.url("a.pth"), "")), check)
        assert server.requests == []


def test_what_the_check_refuses_is_not_kept(content):
    def refuse(path):
        raise InputError("preset", "must be another network", str(path))

    with FileServer(**{"a.pth": content}) as server:
        preset = preset_of((server.url("a.pth"), ""))
        with refuses("preset", "must be another network"):
            obtain(preset, refuse)
        assert left_in(preset) == []
