"""Renders videos in processes, for both commands that do."""

import os
import pathlib
from collections.abc import Sequence
from typing import Protocol

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
