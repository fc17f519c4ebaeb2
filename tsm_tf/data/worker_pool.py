"""Worker processes that finish their current job on Ctrl-C, and never outlive their parent."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

_SECONDS_TO_END = 5


@contextlib.contextmanager
def worker_pool(workers: int) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """Context manager that yields a pool of processes.

    After an exception such as Ctrl-C, jobs in progress are finished and the others are dropped.

    Args:
        workers: number of processes; 0 starts one per processor.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():  # not on Windows
        _start_fork_server()
        context = multiprocessing.get_context("forkserver")
    else:
        context = multiprocessing.get_context("spawn")

    executor = concurrent.futures.ProcessPoolExecutor(
        workers or os.cpu_count() or 1,
        mp_context=context,
        initializer=_start_worker,
    )

    with executor as pool:
        try:
            yield pool
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


def _start_worker():
    """Leaves Ctrl-C and SIGTERM to the parent, and makes the worker end if the parent is killed.

    The parent finishes the jobs in progress. A worker that is still there later ends by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end_after(_SECONDS_TO_END))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_after(seconds):
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _end_with_parent():
    parent = multiprocessing.parent_process()
    if parent is not None:  # as in every worker
        parent.join()
        os._exit(1)
