"""The flags of how a training runs, for the commands that train classifiers and detectors."""

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
