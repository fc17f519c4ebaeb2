"""Opens the videos of a data set, in parallel, and counts their frames."""

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool

from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources.frame_names import find_frame_names
from tsm_tf.data.sources.video_file import VIDEO_FILES, BadVideoError
from tsm_tf.data.worker_pool import start_pool
from tsm_tf.errors import InputError, MissingFile

_CHUNK = 8  # videos that a process gets at once
_FEW = 32  # videos for which starting processes is not worth it
_SHORT_SIDE = 32  # pixels


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about a video.

    Args:
        path: the path, as given.
        size: bytes of the file; -1 if there is none.
        mtime: when it was last changed, in nanoseconds; -1 if there is none.
        num_frames: number of frames; 0 if it cannot be read.
        reason: why it cannot be read.
    """

    path: str
    size: int
    mtime: int
    num_frames: int
    reason: str = ""


Check = Callable[[str], Checked]


def check_video(path: str, decode_all: bool = False) -> Checked:
    """Counts the frames of a video file, and decodes the first; or of a folder, by their names.

    Args:
        path: the absolute path of a video file, or of a folder of frames.
        decode_all: whether to decode all frames of a video file, to find damaged ones.
    """
    size, mtime = _stamp(path)
    try:
        if not _is_writable(path):
            raise BadVideoError(path, "a name that is not UTF-8, or has control characters")
        if os.path.isdir(path):
            images = find_frame_names(path).images
            if images is None:
                raise BadVideoError(path, "a folder with optical flow only")
            num_frames = images.count
        else:
            num_frames = VIDEO_FILES.num_frames(path)
            VIDEO_FILES.read(path, [0, num_frames - 1 if decode_all else 0], _SHORT_SIDE)
    except BadVideoError as error:
        return Checked(path, size, mtime, 0, error.reason)
    except MissingFile:
        return Checked(path, size, mtime, 0, "a link that leads nowhere")
    except (InputError, OSError) as error:
        return Checked(path, size, mtime, 0, str(error))
    return Checked(path, size, mtime, num_frames)


def check_videos(
    copies: Sequence[Sequence[str]],
    cache: pathlib.Path,
    workers: int = 0,
    check: Check = check_video,
) -> list[list[Checked]]:
    """Checks videos until one copy of each can be read, and shows progress.

    An interrupted check continues where it stopped.

    Args:
        copies: for each video the absolute paths of its copies, the best first.
        cache: a file for results. Those of files that have not changed since are used again.
        workers: number of processes; 0 starts one per processor.
        check: checks one copy.

    Returns:
        For each video the results for its copies, up to the first that can be read.
    """
    known = _read_cache(cache)
    results: list[list[Checked]] = [[] for _ in copies]
    waiting = []
    for number, paths in enumerate(copies):
        results[number] = _from_cache(paths, known)
        if not _is_settled(results[number], paths):
            waiting.append(number)

    if len(waiting) < len(copies):
        print(f"{len(copies) - len(waiting):,} videos were checked before")
    progress = ProgressLine(len(waiting), "videos", "checked")

    with cache.open("a", encoding="utf-8") as file:
        done = 0
        while waiting:  # in most cases once: the first copy can be read
            paths = [copies[number][len(results[number])] for number in waiting]
            for number, result in zip(waiting, _check_all(paths, workers, check), strict=True):
                file.write(json.dumps(dataclasses.astuple(result)) + "\n")
                results[number].append(result)
                if _is_settled(results[number], copies[number]):
                    done += 1
                    progress.show(done)
            waiting = [n for n in waiting if not _is_settled(results[n], copies[n])]
    return results


def _is_settled(results, paths):
    return len(results) == len(paths) or bool(results and results[-1].num_frames)


def _check_all(paths, workers, check) -> Iterator[Checked]:
    """Yields the result of each path, in order. A path that ends a process is unreadable."""
    workers = workers or os.cpu_count() or 1
    if len(paths) < _FEW or workers == 1:
        yield from map(check, paths)
        return

    one_by_one = 0  # how many of the next paths one process checks alone, to find the culprit
    start = 0
    while start < len(paths):
        count = one_by_one or len(paths) - start
        batch = paths[start : start + count]
        try:
            for result in _map(check, batch, 1 if one_by_one else workers):
                yield result
                start += 1
            one_by_one = 0
        except BrokenProcessPool:
            if one_by_one:
                yield Checked(paths[start], *_stamp(paths[start]), 0, "ends the decoder's process")
                start += 1
            in_progress = 2 * (workers + 1) * _CHUNK
            one_by_one = 0 if one_by_one else min(len(paths) - start, in_progress)


def _map(check, paths, workers) -> Iterator[Checked]:
    """Yields the results of processes; after Ctrl-C, only checks in progress are finished."""
    with start_pool(workers) as pool:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool:  # for example a script without `if __name__ == "__main__"`
            raise OSError("worker processes end as soon as they start; try workers=1") from None

        try:
            yield from pool.map(check, paths, chunksize=_CHUNK if workers > 1 else 1)
        except BrokenProcessPool:
            raise  # nothing is left to cancel
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _stamp(path):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _is_writable(path):
    """Returns whether a list can hold the path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(character) < 32 or ord(character) == 127 for character in path)


def _read_cache(cache: pathlib.Path) -> dict[str, Checked]:
    """Returns the results of an earlier check, by path. Damaged lines are passed over."""
    known = {}
    if not cache.exists():
        return known

    content = cache.read_text(encoding="utf-8", errors="replace")
    for line in content.split("\n"):
        with contextlib.suppress(ValueError, TypeError):
            result = Checked(*json.loads(line))
            known[result.path] = result

    if content and not content.endswith("\n"):  # the last line was cut by a kill
        with cache.open("a", encoding="utf-8") as file:
            file.write("\n")
    return known


def _from_cache(paths, known) -> list[Checked]:
    """Returns the known results of a video's copies, up to the first that can be read."""
    results = []
    for path in paths:
        result = known.get(path)
        if result is None or (result.size, result.mtime) != _stamp(path):
            break
        results.append(result)
        if result.num_frames:
            break
    return results
