"""The flags that say where a model runs and how it computes, defined once for all commands."""

from absl import flags

from tsm_tf.execution import PRECISIONS, STRATEGIES


def define() -> None:
    """Defines `--strategy` and `--mixed_precision`."""
    flags.DEFINE_enum(
        "strategy",
        STRATEGIES[0],
        list(STRATEGIES),
        "Devices: all of this machine (mirrored), several machines, a TPU, or one device.",
    )
    flags.DEFINE_enum(
        "mixed_precision",
        None,
        list(PRECISIONS),
        "Compute type of the layers; weights stay float32.",
    )
