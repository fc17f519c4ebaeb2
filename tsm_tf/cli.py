"""How every command of the project starts: flags, one-line errors, exit codes."""

import os
import sys
from collections.abc import Callable

from absl import app, flags, logging

from tsm_tf.errors import InputError, missing_extra


def run(main: Callable[[], None], define_flags: Callable[[], None]) -> None:
    """Defines a command's flags, parses the command line, and runs `main()`.

    A function defines the flags, so that importing a command's module defines none. Bad input
    (`InputError`, a missing file, a missing extra) prints one line and exits with 1. Ctrl-C exits
    with 130. Any other exception is a bug in this project and keeps its traceback.
    """
    # At level 2, TensorFlow 2.17 prints CUDA errors when it starts.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow enables these kernels only on processors with AVX512-VNNI. They are faster on all.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    _define_flags_of_main(main, define_flags)
    app.run(lambda argv: _guarded(main, argv[1:]))


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
        main()
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is None:
            raise
        sys.exit(f"error: {line}")
    except (
        InputError,
        FileNotFoundError,
        FileExistsError,
        NotADirectoryError,
        PermissionError,
    ) as error:
        sys.exit(f"error: {error}")
