"""What the commands that train classifiers and detectors share: flags, and how they are stopped."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from typing import Any

from absl import flags

from tsm_tf import execution_flags
from tsm_tf.training.settings import Execution


def define(samples: str, decoded: str) -> None:
    """Defines the flags that are fields of `Execution` in every training.

    Args:
        samples: the word for what a batch consists of.
        decoded: the word for what is kept in memory.
    """
    execution_flags.define()
    flags.DEFINE_bool("jit_compile", None, "Compile with XLA. Default: Keras decides.")
    flags.DEFINE_bool(
        "sync_batch_norm", False, f"Compute batch norms over the {samples} of all devices."
    )
    flags.DEFINE_integer(
        "checkpoint_steps",
        500,
        "Steps between saved states within an epoch; 0 saves only at the end of each epoch.",
        lower_bound=0,
    )
    flags.DEFINE_bool("profile", False, "Write a trace of some steps for TensorBoard.")
    flags.DEFINE_integer(
        "cache_mib",
        Execution.cache_mib,
        f"Memory for decoded {decoded}, which later epochs then need not decode.",
        lower_bound=0,
    )


def select(kind: type) -> dict[str, Any]:
    """Returns the values of the flags that have the names of a dataclass's fields."""
    values = flags.FLAGS.flag_values_dict()
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: values[name] for name in names & set(values)}


@contextlib.contextmanager
def resumable(output: str | os.PathLike) -> Iterator[None]:
    """Context manager of a training that says how to resume it when it is stopped.

    Args:
        output: folder of the run.

    Raises:
        SystemExit: SIGTERM has stopped it, after it saved its state. The exit code is 0.
    """
    from tsm_tf.training.run_folder.callbacks import Preempted

    try:
        yield
    except KeyboardInterrupt:
        print(f"\ninterrupted; run the same command again to resume {output}")
        raise
    except Preempted:
        print(f"\nstopped by SIGTERM; run the same command again to resume {output} at this step")
        sys.exit(0)
