"""A pool of processes that ends with its parent, and leaves Ctrl-C and SIGTERM to it."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

_SECONDS_TO_END = 5


def start_pool(
    workers: int,
    initializer: Callable[..., object] | None = None,
    arguments: Sequence[object] = (),
) -> concurrent.futures.ProcessPoolExecutor:
    """Returns a pool of processes, forked from a server that ignores SIGTERM.

    The workers ignore Ctrl-C. After SIGTERM, which may go to all processes, a worker still has five
    seconds for the parent to stop it. If the parent is killed, it ends at once.

    Args:
        workers: number of processes.
        initializer: called in each worker at its start.
        arguments: its arguments.
    """
    _start_fork_server()
    return concurrent.futures.ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_start_worker,
        initargs=(initializer, arguments),
    )


def run_jobs(
    call: Callable[[Any], object],
    jobs: Sequence[Any],
    workers: int,
    show: Callable[[int], object],
) -> None:
    """Calls a function for each job in processes; on Ctrl-C, the jobs in progress are finished.

    One worker needs no other process: this one does the work.

    Args:
        call: the function; pickled.
        jobs: its arguments, at least one.
        workers: number of processes.
        show: called with the number of jobs done, after each one.
    """
    workers = min(workers, len(jobs))
    if workers == 1:
        for number, job in enumerate(jobs, 1):
            call(job)
            show(number)
        return

    with start_pool(workers) as pool:
        try:
            for number, _ in enumerate(pool.map(call, jobs, chunksize=4), 1):
                show(number)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_fork_server():
    """Starts the process that forks the workers. It ignores SIGTERM, which may go to all."""
    import multiprocessing.forkserver  # not on Windows

    if threading.current_thread() is threading.main_thread():
        handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # child processes inherit this
        try:
            multiprocessing.forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGTERM, handler)


def _start_worker(initializer, arguments):
    """Leaves Ctrl-C and SIGTERM to the parent, and makes the worker end if the parent is killed.

    The parent finishes the work in progress. A worker that is still there later ends by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end_after(_SECONDS_TO_END))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _end_after(seconds):
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _end_with_parent():
    parent = multiprocessing.parent_process()
    if parent is not None:  # as in every worker
        parent.join()
        os._exit(1)
