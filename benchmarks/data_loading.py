"""Measures how fast training data are loaded, in parts, each against a baseline that takes turns.

    python -m benchmarks.data_loading
    python -m benchmarks.data_loading --parts=video_files --rounds=5

Each part prints its rows, the ratios that it must reach, and what limits the speed.
"""

import importlib
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Protocol

from absl import flags

from benchmarks.results import RESULTS, publish, result_path, version_of
from export.benchmark import device
from tsm_tf import cli
from tsm_tf.errors import InputError

Row = Mapping[str, object]

PARTS = {
    # part: its module
    "video_files": "benchmarks.video_reading",
    "shards": "benchmarks.shard_reading",
    "memory": "benchmarks.loading_memory",
    "steps": "benchmarks.loading_steps",
}


class Part(Protocol):
    """A module that measures one part.

    Attributes:
        PACKAGE: the package whose version the results name.
    """

    PACKAGE: str

    def measure(self, work: pathlib.Path, rounds: int) -> list[Row]:
        """Returns rows of measurements; `work` is an empty folder."""
        ...

    def conclusions(self, rows: Sequence[Row]) -> list[str]:
        """Returns lines about what the rows must reach, and what limits them."""
        ...


def run_part(name: str, rounds: int, output: pathlib.Path) -> None:
    """Measures a part, prints and saves its rows, and prints the conclusions."""
    part: Part = importlib.import_module(PARTS[name])  # pyright: ignore[reportAssignmentType]
    print(f"\n{name}", flush=True)

    with tempfile.TemporaryDirectory(prefix="tsm_tf.bench.") as work:
        rows = part.measure(pathlib.Path(work), rounds)
    versions = [version_of(part.PACKAGE)]
    publish(rows, result_path(output, f"data_loading_{name}", ["uint8"], device(), versions))

    for line in part.conclusions(rows):
        print(line)


def define_flags():
    flags.DEFINE_list("parts", list(PARTS), f"Parts to run, from {', '.join(PARTS)}.")
    flags.DEFINE_integer("rounds", 10, "Timed rounds of each part.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV files.")


def main():
    values = flags.FLAGS
    unknown = [name for name in values.parts if name not in PARTS]
    if unknown:
        raise InputError("parts", f"must be from {', '.join(PARTS)}", unknown[0])

    for name in values.parts:
        run_part(name, values.rounds, pathlib.Path(values.output))


if __name__ == "__main__":
    cli.run(main, define_flags)
