"""Runs mutations of one kind in a process of their own.

    python -m fuzz.child KIND FOLDER SEED FIRST END

For each mutation it prints one line with the result. `runner` reads the lines and survives whatever
happens here.
"""

import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import traceback

import numpy as np
from fuzz.kinds import load_kind

from tsm_tf.errors import InputError

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
"""Processor time for one mutation."""
MEMORY = 1 << 30
"""Bytes that the mutations of a process may add to its memory at most."""
REFUSED = "refused"

_ADDRESS_SPACE = 16 << 30  # what is reserved costs nothing until it is used


def main():
    name, originals, seed, first, end = sys.argv[1:]
    kind = load_kind(name, pathlib.Path(originals))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    before = peak_memory()
    for index in range(int(first), int(end)):
        rng = np.random.default_rng((int(seed), index, *name.encode()))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # its signal ends the process
        outcome = run(kind, rng)
        signal.setitimer(signal.ITIMER_PROF, 0)

        is_large = peak_memory() - before > MEMORY
        print("memory" if is_large else outcome, flush=True)
        if is_large:
            return  # the peak never falls


def run(kind, rng: np.random.Generator) -> str:
    """Returns the result of one mutation."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tsm_tf.fuzz."))
    try:
        return kind.run(folder, rng)
    except InputError:
        return REFUSED
    except AssertionError:
        traceback.print_exc()
        return "wrong frames"
    except Exception as error:
        traceback.print_exc()
        return f"traceback of {type(error).__name__}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def peak_memory() -> int:
    """Returns the most bytes that this process had in memory.

    `getrusage` would count from the memory of the process that started this one.
    """
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    main()
