import errno
import os
import signal
import subprocess
import sys

import pytest

from tsm_tf import cli
from tsm_tf.errors import InputError


@pytest.fixture
def ends(capsys):
    """Runs a main function as a command; returns its exit code and the line that it printed."""
    before = signal.getsignal(signal.SIGTERM)

    def run(main):
        with pytest.raises(SystemExit) as end:
            cli._guarded(main, [])
        printed = capsys.readouterr().err.strip()
        return (1, end.value.code) if isinstance(end.value.code, str) else (end.value.code, printed)

    yield run
    signal.signal(signal.SIGTERM, before)
    cli._STOPPED.clear()


def raising(error):
    def main():
        raise error

    return main


KINDS = ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EISDIR", "EEXIST", "ENOENT")
MORE_KINDS = ("ENAMETOOLONG", "ELOOP", "EIO", "EFBIG", "ENXIO", "EMFILE", "ESTALE", "EINVAL")


@pytest.mark.parametrize("kind", [*KINDS, *MORE_KINDS])
def test_errors_of_the_system_are_one_line(ends, kind):
    number = getattr(errno, kind)
    code, line = ends(raising(OSError(number, os.strerror(number), "out/a.txt")))
    assert code == 1 and line == f"error: [Errno {number}] {os.strerror(number)}: 'out/a.txt'"


def test_a_line_has_no_line_breaks(ends):
    assert ends(raising(OSError("a\nb\n  c"))) == (1, "error: a b c")
    assert ends(raising(OSError())) == (1, "error: OSError")
    assert ends(raising(InputError("x", "must be 1", 2))) == (
        1,
        "error: `x` must be 1. Received: 2",
    )


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli._guarded(raising(ZeroDivisionError()), [])


def test_ctrl_c_and_sigterm_clean_up_and_are_one_line(ends):
    cleaned = []

    def main(number):
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(number)

    assert ends(lambda: main(signal.SIGTERM)) == (143, "stopped by SIGTERM")
    assert ends(lambda: main(signal.SIGINT)) == (130, "stopped by Ctrl-C")
    assert cleaned == [signal.SIGTERM, signal.SIGINT]


def test_a_stopped_process_ends_without_freeing_what_tensorflow_holds():
    """Other exit handlers still run. The object that is never freed stands for an iterator."""
    code = (
        "import atexit, os, signal, sys\n"
        "from tsm_tf import cli\n"
        "class Iterator:\n"
        "    def __del__(self): print('freed')\n"
        "def main():\n"
        "    sys.modules['tensorflow'] = None\n"
        "    iterator = Iterator()\n"
        "    atexit.register(print, 'exit handler')\n"
        "    print('started')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli.run(main, lambda: None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "stopped by SIGTERM\n")
    assert done.stdout == "started\nexit handler\n"


IGNORED = """
import os, signal, time
from tsm_tf import cli

class Slow:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.2)

def main():
    Slow()
    time.sleep(60)

if __name__ == "__main__":
    cli.run(main, lambda: None)
"""


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [("SIGINT", 130, "stopped by Ctrl-C"), ("SIGTERM", 143, "stopped by SIGTERM")],
)
def test_a_signal_during_a_clean_up_is_not_lost(name, code, line):
    command = [sys.executable, "-c", IGNORED.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (code, line + "\n")


ENDS = """
import atexit, ctypes, sys
from tsm_tf import cli

class Aborts:
    def __del__(self):
        ctypes.CDLL(None).abort()

sys.modules["aborting"] = Aborts()

def main():
    atexit.register(lambda: print(" and atexit", end=""))
    cli.end_without_finalizing()
    print("no newline", end="")
    {action}

if __name__ == "__main__":
    cli.run(main, lambda: None)
"""


def test_a_command_that_must_not_be_finalized_ends_with_its_output_and_exit_code():
    for action, code, error in (
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('error: no')", 1, "error: no"),
        ("raise OSError('disk')", 1, "error: disk"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("raise KeyboardInterrupt", 130, "stopped by Ctrl-C"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", ENDS.format(action=action)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        assert error in done.stderr and done.stdout == "no newline and atexit"
