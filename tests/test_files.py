import errno
import os
import socket
import stat

import pytest

from tsm_tf import files
from tsm_tf.files import open_regular, remove_temporary_files, replacing, write_csv, write_text


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old ü\n")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old ü\n"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_csv_has_a_header_and_makes_its_folder(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    write_csv(path, [{"a": 1, "b": "x, y"}, {"a": 2, "b": ""}])
    assert path.read_text().splitlines() == ["a,b", '1,"x, y"', "2,"]
    write_csv(path, [], ("a", "b"))
    assert path.read_text().splitlines() == ["a,b"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / "best").mkdir()
    left = tmp_path / "best" / ".writing.spec.json"
    left.touch()
    (tmp_path / "kept.txt").touch()
    remove_temporary_files(tmp_path)
    assert not left.exists() and (tmp_path / "kept.txt").exists()


def test_a_directory_that_looks_unfinished_is_left_alone(tmp_path):
    (tmp_path / ".writing.folder").mkdir()
    (tmp_path / ".writing.link").symlink_to(tmp_path)
    remove_temporary_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".writing.folder"]


def test_a_link_at_the_temporary_path_is_not_followed(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (tmp_path / ".writing.a.txt").symlink_to(other)
    write_text(tmp_path / "a.txt", "new")
    assert other.read_text() == "mine"
    assert (tmp_path / "a.txt").read_text() == "new" and not (tmp_path / "a.txt").is_symlink()

    os.mkfifo(tmp_path / ".writing.b.txt")
    write_text(tmp_path / "b.txt", "new")  # would wait for a reader
    assert (tmp_path / "b.txt").read_text() == "new"


def test_a_failed_write_names_the_file(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OSError, match=r"No space left.*a\.txt"), replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_durable_file_and_its_folder_are_synced(tmp_path, monkeypatch):
    """The file before it gets its name, the folder after that."""
    done = []
    replace = os.replace

    def record_sync(descriptor):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else f"{os.fstat(descriptor).st_size} bytes")

    monkeypatch.setattr("os.fsync", record_sync)
    monkeypatch.setattr("os.replace", lambda *a: done.append("replace") or replace(*a))
    with replacing(tmp_path / "a", durable=True) as temporary:
        temporary.write_bytes(b"123")
    assert done == ["3 bytes", "replace", "folder"]


def test_folders_that_cannot_be_synced(tmp_path, monkeypatch):
    """Some network file systems refuse; any other error is reported."""

    def fail_with(number):
        def sync(path, flags):
            if path == tmp_path:
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(files, "_sync", sync)

    for number in (errno.EINVAL, errno.ENOTSUP):
        fail_with(number)
        with replacing(tmp_path / "a", durable=True) as temporary:
            temporary.touch()
    fail_with(errno.EIO)
    with pytest.raises(OSError, match="Input/output error"), replacing(tmp_path / "a", True) as b:
        b.touch()


def test_only_regular_files_are_opened(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))

    for name in ("fifo", "folder", "link", "loop", "socket"):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
            with pytest.raises(OSError, match=name):
                open_regular(tmp_path / name, flags)
    with pytest.raises(OSError, match="/dev/null"):
        open_regular("/dev/null", os.O_RDONLY)
    descriptor = open_regular(path, os.O_RDONLY)
    assert os.read(descriptor, 9) == b"x"
    os.close(descriptor)
