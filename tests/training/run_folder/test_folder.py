import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest
from testing import refuses

from tsm_tf.training.run_folder import folder as module
from tsm_tf.training.run_folder.folder import LOCK_FILE, locked, open_run
from tsm_tf.training.run_folder.run_settings import LAUNCHES_FILE, RUN_FILE, claim, log_launch

SETTINGS = {"seed": 0}


def start_holder(folder):
    """A process that holds a folder's lock until it is killed, and has an unfinished file there."""
    code = (
        "import pathlib, time\n"
        "from tsm_tf.training.run_folder.folder import locked\n"
        f"with locked(pathlib.Path({str(folder)!r})):\n"
        f"    pathlib.Path({str(folder)!r}, '.writing.model').touch()\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    return process


def test_the_second_process_is_refused_and_names_the_first(tmp_path):
    output = tmp_path / "run"
    with start_holder(output) as process:
        name = f"process {process.pid} on {socket.gethostname()}"
        for _ in range(2):
            with (
                refuses("output", f"in use by another training ({name})", str(output)),
                open_run(output, SETTINGS),
            ):
                pytest.fail("has the lock")
        assert (output / ".writing.model").exists() and (output / LOCK_FILE).exists()
        process.send_signal(signal.SIGKILL)
    with open_run(output, SETTINGS):  # the lock does not survive the process
        assert (
            output / LOCK_FILE
        ).read_text() == f"process {os.getpid()} on {socket.gethostname()}"
    assert not (output / LOCK_FILE).exists()


def test_a_lock_of_this_process_counts_too(tmp_path):
    with locked(tmp_path), refuses("output", f"process {os.getpid()} on"), locked(tmp_path):
        pytest.fail("has the lock")
    with locked(tmp_path):
        pass


def test_a_lock_file_that_its_holder_has_just_removed_is_not_used(tmp_path, monkeypatch):
    flock, calls = module._flock, []

    def remove_after_locking(descriptor, folder):
        flock(descriptor, folder)
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / LOCK_FILE).unlink()

    monkeypatch.setattr(module, "_flock", remove_after_locking)
    with locked(tmp_path):
        assert len(calls) == 2 and (tmp_path / LOCK_FILE).exists()


def test_a_file_system_without_locks_is_used_after_a_warning(tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with locked(tmp_path):
        pass
    assert f"{tmp_path} is on a file system without locks" in capsys.readouterr().err


def test_the_name_of_the_holder_is_shown_without_control_characters(tmp_path):
    with locked(tmp_path):
        (tmp_path / LOCK_FILE).write_bytes(b"evil\x1b[2J\n\xff" + b"x" * 5000)
        with refuses("output", "another training (evil[2J") as raised, locked(tmp_path):
            pytest.fail("has the lock")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 500


def test_a_new_folder_that_stays_empty_is_removed(tmp_path):
    with pytest.raises(RuntimeError), open_run(tmp_path / "run", SETTINGS):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    with open_run(tmp_path / "mine", SETTINGS):
        pass
    assert (tmp_path / "mine").is_dir()


def test_a_foreign_folder_stays_as_it_is(tmp_path):
    (tmp_path / "notes.txt").touch()
    with refuses("output", "new or empty"), open_run(tmp_path, SETTINGS):
        pytest.fail("opened")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with refuses("output", "can be written", "Not a directory"), locked(tmp_path / "file" / "run"):
        pytest.fail("locked")


KINDS = {
    "a FIFO": os.mkfifo,
    "a folder": pathlib.Path.mkdir,
    "a link to a file": lambda path: path.symlink_to(path.parent.parent / "precious"),
    "a link to a folder": lambda path: path.symlink_to(path.parent.parent),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a device": lambda path: path.symlink_to("/dev/full"),
    "a file": pathlib.Path.touch,
}


@pytest.mark.parametrize("kind", KINDS)
def test_odd_kinds_of_files_are_refused_by_name(tmp_path, kind):
    """Nothing waits for a FIFO, and nothing is written through a link."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    count = 0
    for number, name in enumerate((*module._FILES, *module._FOLDERS)):
        output = tmp_path / str(number)
        claim(output, SETTINGS)
        path = output / name
        path.unlink(missing_ok=True)
        is_right = kind == ("a file" if name in module._FILES else "a folder")
        KINDS[kind](path)
        if not is_right:
            count += 1
            with refuses("output"), open_run(output, SETTINGS):
                pytest.fail(f"{name} is {kind}")
    assert count >= 5 and precious.read_text() == "precious"


def test_launches_are_not_logged_through_links(tmp_path):
    (tmp_path / "precious").touch()
    (tmp_path / LAUNCHES_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=LAUNCHES_FILE):
        log_launch(tmp_path)
    (tmp_path / LAUNCHES_FILE).unlink()
    os.mkfifo(tmp_path / LAUNCHES_FILE)
    with pytest.raises(OSError, match=LAUNCHES_FILE):
        log_launch(tmp_path)
    assert not (tmp_path / "precious").read_text() and not (tmp_path / RUN_FILE).exists()
