"""Paths and URIs: `tsm_tf.data.storage`, `remote` and `s3_settings`, without a server.

`gs://` cannot be tested against an emulator: TensorFlow's client takes no other endpoint. A fake of
`tf.io.gfile` stands in for it here. Servers for `s3://` are in tests/data/shard/test_s3.py.
"""

import io
import time

import numpy as np
import pytest
import tensorflow as tf
from testing import refuses
from writing import write_shards

from tsm_tf.data import storage
from tsm_tf.data.listing import Listing
from tsm_tf.data.shard.manifest import find_manifest
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.storage import remote, s3_settings
from tsm_tf.data.storage.remote import StorageError
from tsm_tf.errors import MissingFile


class FakeFiles:
    """Stands in for `tf.io.gfile`, with objects in a dict; the first `failing` calls raise."""

    def __init__(self):
        self.objects, self.calls, self.failing = {}, [], []

    def _call(self, name, path):
        self.calls.append((name, path))
        if self.failing:
            raise self.failing.pop(0)
        if name not in ("write", "copy") and path not in self.objects:
            raise tf.errors.NotFoundError(None, None, "No such object.")

    def GFile(self, path, mode):
        if mode == "rb":
            self._call("read", path)
            return io.BytesIO(self.objects[path])
        fake = self

        class Writer(io.BytesIO):
            def close(self):
                fake._call("write", path)
                fake.objects[path] = self.getvalue()
                super().close()

        return Writer()

    def stat(self, path):
        self._call("stat", path)
        return type("Statistics", (), {"length": len(self.objects[path])})

    def copy(self, local, path, overwrite):
        self._call("copy", path)
        with open(local, "rb") as file:
            self.objects[path] = file.read()

    def rename(self, old, new, overwrite):
        self._call("rename", old)
        self.objects[new] = self.objects.pop(old)

    def listdir(self, folder):
        names = {path.removeprefix(folder).partition("/")[0] for path in self._below(folder)}
        if not names:
            raise tf.errors.NotFoundError(None, None, "Could not find directory")
        return list(names)

    def rmtree(self, folder):
        for path in self._below(f"{folder}/"):
            del self.objects[path]

    def _below(self, folder):
        return [path for path in self.objects if path.startswith(folder)]


@pytest.fixture
def fake(monkeypatch):
    fake = FakeFiles()
    for name in ("GFile", "stat", "copy", "rename", "listdir", "rmtree"):
        monkeypatch.setattr(tf.io.gfile, name, getattr(fake, name))
    monkeypatch.setattr(remote, "_PAUSE", 0.01)
    monkeypatch.setattr(remote, "_sizes", {})
    return fake


def test_shards_are_written_to_and_read_from_gs(videos, shards, fake):
    uri = "gs://bucket/a folder"
    assert write_shards(videos, uri, num_shards=3) == uri
    ours, local = Listing(uri), Listing(shards)
    for one, other in zip(ours.videos("train"), local.videos("train"), strict=True):
        assert one.path == f"{uri}/{one.name}"
        np.testing.assert_array_equal(
            ours.source.read(one.path, [3, 0], 36), local.source.read(other.path, [3, 0], 36)
        )
    names = {path.removeprefix(f"{uri}/") for path in fake.objects}
    assert names == set(storage.names(shards))
    writes = [path for name, path in fake.calls if name == "write"]
    assert writes[-1] == f"{uri}/shards.json"


def test_errors_that_pass_are_tried_again_and_others_are_not(fake, monkeypatch):
    fake.objects["gs://b/x"] = b"0123456789"
    passing = [
        tf.errors.UnavailableError(None, None, "503"),
        tf.errors.UnknownError(None, None, "connection reset"),
        tf.errors.InternalError(None, None, "500"),
    ]
    fake.failing = [*passing]
    assert storage.read_range("gs://b/x", 2, 3) == b"234"
    fake.failing = [tf.errors.PermissionDeniedError(None, None, "who are you?")]
    with pytest.raises(StorageError, match=r"access is denied \(who are you"):
        storage.read_range("gs://b/x", 2, 3)
    fake.failing = passing * 1000
    monkeypatch.setenv("TSM_STORAGE_SECONDS", "0.3")
    started = time.monotonic()
    with pytest.raises(StorageError, match=r"no success in 0\.3 s .*TSM_STORAGE_SECONDS"):
        storage.read_range("gs://b/x", 2, 3)
    assert time.monotonic() - started < 2


def test_a_call_that_never_returns_ends_at_the_time_limit(fake, monkeypatch):
    monkeypatch.setenv("TSM_STORAGE_SECONDS", "0.2")
    monkeypatch.setattr(tf.io.gfile, "stat", lambda path: time.sleep(60))
    with pytest.raises(StorageError, match=r"no success in 0\.2 s \(no answer\)"):
        storage.size("gs://b/x")


def test_a_failing_storage_is_never_skipped_as_a_bad_video():
    error = StorageError("s3://b/x", "gone")
    assert isinstance(error, BadVideoError) and not error.is_skippable
    assert BadVideoError("x.mp4", "broken").is_skippable


def test_nothing_is_read_at_or_behind_the_end(fake):
    """tensorflow-io's client ends the process there."""
    fake.objects |= {"gs://b/x": b"0123456789", "gs://b/empty": b""}
    assert storage.read_range("gs://b/x", 8, 100) == b"89"
    reads = len([name for name, _ in fake.calls if name == "read"])
    assert storage.read_range("gs://b/x", 10, 1) == b""
    assert storage.read_range("gs://b/empty", 0, 5) == b""
    assert storage.read_range("gs://b/none", 0, 5) == b""
    assert [name for name, _ in fake.calls].count("read") == reads + 1  # to tell why none is there
    assert storage.size("gs://b/none") is None and find_manifest("gs://b/none") is None
    with pytest.raises(MissingFile, match=r"shards\.json"):
        Listing("gs://b/none")


def test_an_upload_that_arrives_cut_is_tried_again(fake, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"0123456789")
    copy, lengths = fake.copy, [4, 7]

    def cutting_copy(local, path, overwrite):
        copy(local, path, overwrite)
        if lengths:
            fake.objects[path] = fake.objects[path][: lengths.pop()]

    monkeypatch.setattr(tf.io.gfile, "copy", cutting_copy)
    storage.publish_file(tmp_path / "file", "gs://b/x")
    assert fake.objects == {"gs://b/x": b"0123456789"}


def test_local_files_have_the_same_functions(tmp_path):
    path, folder = str(tmp_path / "new" / "x"), str(tmp_path / "new")
    assert storage.size(path) is None and storage.read_range(path, 0, 5) == b""
    assert storage.names(folder) == []
    storage.write_file(path, b"0123456789")
    assert storage.size(path) == 10 and storage.read_range(path, 8, 100) == b"89"
    (tmp_path / "y").write_bytes(b"moved")
    storage.publish_file(tmp_path / "y", storage.join(folder, "y"))
    assert storage.names(folder) == ["x", "y"] and not (tmp_path / "y").exists()
    assert storage.read_file(storage.join(folder, "y"), "must be there") == b"moved"
    with refuses("data", "must be there", "none"):
        storage.read_file(storage.join(folder, "none"), "must be there")
    storage.remove_folder(folder)
    storage.remove_folder(folder)
    assert storage.names(folder) == []


def test_other_schemes_are_named():
    for path in ("ftp://host/x", "http://host/x", "hdfs://host/x"):
        with refuses("output", "s3:// or gs://", path):
            storage.check_scheme(path, "output")
    for path in ("s3://b/x", "gs://b/x", "/x", "c:/x", "x"):
        storage.check_scheme(path)


@pytest.fixture
def no_settings(monkeypatch):
    for name in ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x" * 20)
    return monkeypatch


def test_what_s3_needs_is_checked_before_it_is_used(no_settings):
    def check():
        s3_settings.check_settings("s3://bucket/x")

    with refuses("S3_ENDPOINT", "with http:// or https://", "''"):
        check()
    for endpoint in ("127.0.0.1:9000", "s3.eu-west-1.amazonaws.com", "ftp://host", "http://"):
        no_settings.setenv("S3_ENDPOINT", endpoint)
        with refuses("S3_ENDPOINT", "with http:// or https://", repr(endpoint)):
            check()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        no_settings.setenv("S3_ENDPOINT", "http://127.0.0.1:9")
        no_settings.setenv(name, "")
        with refuses(name, "must be set in the environment", "nothing"):
            check()
        no_settings.setenv(name, "x" * 20)
    with refuses("S3_ENDPOINT", "a server that answers", "refused", "127.0.0.1:9"):
        check()
    no_settings.delenv("S3_ENDPOINT")
    no_settings.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with refuses("S3_ENDPOINT", "a server that answers", "127.0.0.1:9"):
        check()
    s3_settings.check_settings("gs://bucket/x")


def test_credentials_are_left_out_of_messages(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret/secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    assert s3_settings.without_secrets("key AKIAEXAMPLE signs with secret/secret") == (
        "key $AWS_ACCESS_KEY_ID signs with $AWS_SECRET_ACCESS_KEY"
    )


def test_a_time_limit_is_a_positive_number(monkeypatch):
    for text in ("0", "-1", "soon", "nan", "inf", "1e400", ""):
        monkeypatch.setenv("TSM_STORAGE_SECONDS", text)
        with refuses("TSM_STORAGE_SECONDS", "positive number of seconds", repr(text)):
            remote.time_limit()
