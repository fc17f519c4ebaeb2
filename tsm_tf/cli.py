"""How every command of the project starts: flags, one-line errors, exit codes."""

import os
import sys
from collections.abc import Callable

from absl import app, flags, logging

from tsm_tf.errors import InputError, missing_extra


def run(main: Callable[[], None], define_flags: Callable[[], None]) -> None:
    """Runs a command's `main()` after `define_flags()` and the parsing of the command line.

    Flags are defined by a function, not at import, so that a module with a command can be imported beside others.
    Bad input (`InputError`, a missing file, a missing extra) prints one line and exits with 1; Ctrl-C exits with 130.
    Anything else is a fault of this project and keeps its traceback.
    """
    os.environ.setdefault(
        "TF_CPP_MIN_LOG_LEVEL", "3"
    )  # TensorFlow 2.17 greets with CUDA errors at level 2
    # TensorFlow takes these kernels by itself only where a processor has AVX512-VNNI; on others they are quicker, too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    _define_flags_of_main(main, define_flags)
    app.run(lambda argv: _guarded(main, argv[1:]))


def _define_flags_of_main(main, define_flags):
    """Defines the flags so that `--help` shows them and the command's docstring, also in an installed command.

    There `__main__` is a script that pip wrote, with neither flags nor a docstring of its own.
    """
    others = set(flags.FLAGS)
    define_flags()
    for name in set(flags.FLAGS) - others:
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
    sys.modules["__main__"].__doc__ = sys.modules[main.__module__].__doc__


def _guarded(main: Callable[[], None], positional: list[str]) -> None:
    try:
        logging.set_verbosity(
            logging.ERROR
        )  # TensorFlow reports a saved model's every step otherwise
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
