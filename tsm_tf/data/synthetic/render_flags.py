"""The flags of both commands that render videos."""

import pathlib
from typing import Any

from absl import flags


def define(num_train: int, num_val: int) -> None:
    """Defines the flags of a command that renders videos; the numbers are defaults."""
    flags.DEFINE_string("output", None, "Folder for the videos and lists.", required=True)
    flags.DEFINE_integer("num_train", num_train, "Number of training videos.", lower_bound=1)
    flags.DEFINE_integer("num_val", num_val, "Number of validation videos.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "The source of all random choices.", lower_bound=0)
    flags.DEFINE_integer(
        "workers",
        0,
        "Number of processes; 0 starts one per processor.",
        lower_bound=0,
    )


def read() -> dict[str, Any]:
    """Returns the arguments of `render` that the command line gives."""
    values = flags.FLAGS
    return {
        "output": pathlib.Path(values.output),
        "counts": {"train": values.num_train, "val": values.num_val},
        "seed": values.seed,
        "workers": values.workers,
    }
