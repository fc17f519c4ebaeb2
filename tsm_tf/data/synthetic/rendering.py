"""What the commands that render videos share: their flags, and the work in processes."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

from absl import flags

from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.worker_pool import run_jobs
from tsm_tf.files import remove_temporary_files


class Job(Protocol):
    """A video to render, which is sent to a process."""

    def is_done(self) -> bool:
        """Returns whether an earlier run has rendered it."""
        ...

    def render(self) -> None:
        """Renders and writes it."""
        ...


def define_flags(num_train: int, num_val: int) -> None:
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


def read_flags() -> dict[str, Any]:
    """Returns the arguments of `render` that the command line gives."""
    values = flags.FLAGS
    return {
        "output": pathlib.Path(values.output),
        "counts": {"train": values.num_train, "val": values.num_val},
        "seed": values.seed,
        "workers": values.workers,
    }


def render_missing(output: pathlib.Path, jobs: Sequence[Job], workers: int) -> None:
    """Renders what an earlier run has not, with a line of progress.

    Args:
        output: the folder, which is left without temporary files.
        jobs: the videos.
        workers: number of processes; 0 starts one per processor.
    """
    missing = [job for job in jobs if not job.is_done()]
    if not missing:
        return

    done = len(jobs) - len(missing)
    progress = ProgressLine(len(jobs), "videos", "rendered", done)
    try:
        run_jobs(
            _render,
            missing,
            workers or os.cpu_count() or 1,
            lambda number: progress.show(done + number),
        )
    except BaseException:
        remove_temporary_files(output)  # workers may have been killed
        raise


def _render(job: Job) -> None:
    job.render()
