"""How every command of the project starts: flags, one-line errors, exit codes."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

from absl import app, flags, logging

from tsm_tf.errors import InputError, missing_extra

_EXTRA_OF_COMMANDS = {
    "tsm_tf.data.record": "live",
    "tsm_tf.data.shard": "shards",
    "tsm_tf": "train",
    "export.live": "live",
    "export": "export",
}
_STOPPED: list[tuple[KeyboardInterrupt, int]] = []
_ends_without_finalizing = False
_exit_code = 0


class Terminated(KeyboardInterrupt):
    """SIGTERM was received. Like Ctrl-C, it ends the program through every `finally`."""


def run(main: Callable[[], None], define_flags: Callable[[], None]) -> None:
    """Defines a command's flags, parses the command line, and runs `main()`.

    A function defines the flags, so that importing a command's module defines none. Bad input
    (`InputError`), a missing extra and errors of the operating system (a full disk, a read-only
    folder, a file instead of a folder) print one line and exit with 1. Ctrl-C exits with 130, and
    SIGTERM with 143. Any other exception is a bug in this project and keeps its traceback.
    """
    # At level 2, TensorFlow 2.17 prints CUDA errors when it starts.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow enables these kernels only on processors with AVX512-VNNI. They are faster on all.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    _define_flags_of_main(main, define_flags)
    atexit.register(_end_at_once)  # registered first, so it is called last
    global _exit_code
    try:
        app.run(lambda argv: _guarded(main, argv[1:]))
    except SystemExit as error:  # the code is lost before the functions of `atexit` are called
        _exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
        raise
    except BaseException:
        _exit_code = 1
        raise


def end_without_finalizing() -> None:
    """Makes this command end as soon as its work is done, without Python's and C++'s clean-up.

    For libraries whose clean-up aborts the process, such as the S3 client of tensorflow-io 0.37.1.
    Output is flushed, functions registered with `atexit` are called, and the exit code is kept.
    Programs that do not start with `run` are not affected.
    """
    global _ends_without_finalizing
    _ends_without_finalizing = True


def _define_flags_of_main(main, define_flags):
    """Defines the flags and makes `--help` show them below the docstring of `main`'s module.

    In an installed command, `__main__` is a script by pip, without flags or a docstring of its own.
    """
    others = set(flags.FLAGS)
    define_flags()
    for name in set(flags.FLAGS) - others:
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
    sys.modules["__main__"].__doc__ = sys.modules[main.__module__].__doc__


def _check_encoding(arguments: list[str]) -> None:
    """Raises for a name that is not UTF-8: it could be neither printed nor written to a file."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            rule = "must be text in UTF-8; rename the file or folder"
            raise InputError("arguments", rule, argument) from None


def _guarded(main: Callable[[], None], positional: list[str]) -> None:
    try:
        # Otherwise TensorFlow logs each step of saving a model.
        logging.set_verbosity(logging.ERROR)
        _check_encoding(sys.argv)
        if positional:
            raise InputError("arguments", "must be given as --flag=value", " ".join(positional))
        _raise_on_sigterm()
        _send_ignored_signals_again()
        main()
    except Terminated as error:
        _end(error, "stopped by SIGTERM", 128 + signal.SIGTERM)
    except KeyboardInterrupt as error:
        _end(error, "stopped by Ctrl-C", 128 + signal.SIGINT)
    except ModuleNotFoundError as error:
        line = missing_extra(error, _extra_of(main))
        if line is None:
            raise
        sys.exit(f"error: {line}")
    except (InputError, OSError) as error:
        sys.exit(f"error: {' '.join(str(error).split()) or type(error).__name__}")


def _extra_of(main: Callable[[], None]) -> str | None:
    """Returns the extra that has everything for a command of this project."""
    spec = main.__globals__["__spec__"]
    for part, extra in _EXTRA_OF_COMMANDS.items():
        if spec and f"{spec.name}.".startswith(f"{part}."):
            return extra
    return None


def _raise_on_sigterm() -> None:
    def on_sigterm(*_):
        raise Terminated

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)


def _send_ignored_signals_again() -> None:
    """Makes a signal count that arrives during a clean-up, such as `__del__`.

    Python prints "Exception ignored in" for what is raised there, and the program would continue.
    """
    print_ignored = sys.unraisablehook

    def on_ignored(ignored):
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            return print_ignored(ignored)
        number = signal.SIGTERM if issubclass(ignored.exc_type, Terminated) else signal.SIGINT
        main = threading.main_thread().ident
        threading.Timer(0.1, signal.pthread_kill, [main, number]).start()

    sys.unraisablehook = on_ignored


def _end(error: KeyboardInterrupt, line: str, code: int) -> None:
    print(line, file=sys.stderr)
    if "tensorflow" in sys.modules:
        # TensorFlow 2.17 may hang if Python frees a dataset's iterator while clips are being
        # loaded. So the frames of the error are kept until the process ends without freeing them.
        _STOPPED.append((error, code))
    sys.exit(code)


def _end_at_once() -> None:
    """Ends a process that was stopped, or that must not be finalized."""
    if _STOPPED or _ends_without_finalizing:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(_STOPPED[0][1] if _STOPPED else _exit_code)
