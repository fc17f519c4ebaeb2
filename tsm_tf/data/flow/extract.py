"""Computes the flow of a whole data folder in parallel, and writes a data folder of flow."""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import pathlib
import shlex
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from typing import cast

import cv2

from tsm_tf.data.flow.folder import Stopped, Tally, write_flow
from tsm_tf.data.flow.names import Key, folder_names, key_of
from tsm_tf.data.flow.tv_l1 import FlowEncoder, FlowSettings
from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.progress_line import format_seconds
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VideoFiles
from tsm_tf.data.video import UNKNOWN_FRAMES, Video, is_uri
from tsm_tf.data.worker_pool import start_pool
from tsm_tf.errors import InputError
from tsm_tf.files import write_text
from tsm_tf.output_folder import claim

SKIPPED_FILE = "skipped.txt"

_MARKER = "flow.json"
_VERSION = 1
_AHEAD = 4  # jobs per worker
_SECONDS_BETWEEN_LINES = 10  # if the output is not a terminal
_MAX_NAMED = 5


@dataclasses.dataclass(frozen=True)
class _Done:
    """What became of a video: its number of flow frames, or why it has none.

    `damaged` is the number of damaged pictures that were used.
    """

    key: Key
    count: int = 0
    damaged: int = 0
    reason: str = ""


def extract_flow(
    listing: Listing,
    output: pathlib.Path,
    settings: FlowSettings = FlowSettings(),  # noqa: B008 (frozen)
    workers: int = 0,
    skip_bad_videos: bool = False,
) -> dict[str, int]:
    """Writes the flow of all videos, their lists and `labels.txt`.

    An interrupted computation continues with the next frame. Lists are written when all flow is
    there. After a change of the data's lists, only the flow of new videos is computed.

    Args:
        listing: the data; its videos must be RGB.
        output: the folder; new, empty, or from the same data folder and settings.
        settings: how the flow is computed and stored.
        workers: number of processes; 0 starts one per processor.
        skip_bad_videos: whether to leave out videos that cannot be decoded, and name them in
            `skipped.txt`. Otherwise the first one is an error.

    Returns:
        Number of videos by split.

    Raises:
        MissingFile: a listed video does not exist.
        InputError: the data show optical flow already, have no lists, or two videos of one name,
            the folder holds something else, this OpenCV has no TV-L1, or a process was killed.
        BadVideoError: a video cannot be decoded.
    """
    source = _rgb_source(listing)
    FlowEncoder(settings)  # raises where there is no TV-L1

    splits = {split: listing.videos(split) for split in listing.layout.splits}
    videos = {key_of(video): video for split in splits.values() for video in split}
    folders = folder_names(videos.values())
    claim(output, _MARKER, _subject(listing, settings))

    counts, skipped = {}, {}
    jobs = [(video, str(output / folders[key])) for key, video in videos.items()]
    running = _run_all(jobs, source, settings, workers or os.cpu_count() or 1)
    with contextlib.closing(running):
        for done in running:
            if not done.reason:
                counts[done.key] = done.count
                if done.damaged:  # in another process, which has a copy of the source
                    cast(VideoFiles, source).damaged[done.key[0]] = done.damaged
            elif skip_bad_videos:
                skipped[done.key[0]] = done.reason
            else:
                raise BadVideoError(done.key[0], done.reason)

    _write_lists(listing, output, splits, folders, counts)
    _report(output, skipped)
    return {split: sum(key_of(v) in counts for v in videos) for split, videos in splits.items()}


def _rgb_source(listing):
    try:
        return source_of(listing, "rgb")
    except InputError:
        rule = "must have RGB videos to compute optical flow from"
        raise InputError("data", rule, "flow") from None


def _subject(listing, settings):
    """Returns what a folder of flow belongs to. The lists may change, and get more videos."""
    data = listing.data if is_uri(listing.data) else os.path.abspath(listing.data)
    return {"version": _VERSION, "data": data, **dataclasses.asdict(settings)}


def _run_all(
    jobs: Sequence[tuple[Video, str]],
    source: Source,
    settings: FlowSettings,
    workers: int,
) -> Generator[_Done, None, None]:
    """Runs all jobs in processes and shows the progress; a stop ends the frames in progress."""
    tally = Tally(multiprocessing.get_context("forkserver"))
    progress = _Progress([video for video, _ in jobs], tally)

    with start_pool(min(workers, len(jobs)), _start, (source, settings, tally)) as pool:
        waiting, running = iter(jobs), set()
        try:
            while True:
                for job in itertools.islice(waiting, _AHEAD * workers - len(running)):
                    running.add(pool.submit(_run, *job))
                if not running:
                    break
                finished, running = concurrent.futures.wait(
                    running, 1, concurrent.futures.FIRST_COMPLETED
                )
                for future in finished:
                    progress.videos += 1
                    yield future.result()
                progress.show()
        except concurrent.futures.BrokenExecutor:
            rule = "must be so few that their memory suffices; a process was killed"
            raise InputError("workers", rule, workers) from None
        finally:
            tally.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            progress.end()


class _Worker:
    """What the jobs of a process share."""

    source: Source
    encoder: FlowEncoder
    tally: Tally


def _start(source, settings, tally):
    cv2.setNumThreads(1)  # the videos are what runs in parallel; TV-L1 gains nothing from threads
    _Worker.source, _Worker.encoder, _Worker.tally = source, FlowEncoder(settings), tally


def _run(video: Video, folder: str) -> _Done:
    try:
        count = write_flow(
            video, pathlib.Path(folder), _Worker.encoder, _Worker.source, _Worker.tally
        )
    except BadVideoError as error:
        return _Done(key_of(video), reason=error.reason)
    except FileNotFoundError:  # it existed when the list was read
        return _Done(key_of(video), reason="the file is gone")
    except Stopped:
        return _Done(key_of(video), reason="stopped")
    source = _Worker.source
    damaged = source.damaged.get(video.path, 0) if isinstance(source, VideoFiles) else 0
    return _Done(key_of(video), count, damaged)


class _Progress:
    """A line with the number of videos and flow frames, the speed and the time left."""

    def __init__(self, videos: Sequence[Video], tally: Tally):
        known = [video.num_frames - 1 for video in videos if video.num_frames != UNKNOWN_FRAMES]
        self.known_frames = sum(known)
        self.num_unknown = len(videos) - len(known)
        self.num_videos = len(videos)
        self.tally = tally
        self.videos = 0
        self.started = self.shown_at = time.perf_counter()

    def show(self, is_last: bool = False) -> None:
        """Prints the line; into a file only every few seconds."""
        now, is_terminal = time.perf_counter(), sys.stdout.isatty()
        if not is_terminal and not is_last and now - self.shown_at < _SECONDS_BETWEEN_LINES:
            return
        self.shown_at = now

        computed = self.tally.computed.value
        frames = computed + self.tally.found.value
        rate = computed / (now - self.started)
        line = f"{self.videos:,}/{self.num_videos:,} videos, {frames:,} flow frames, {rate:.1f}/s"
        left = self._frames_left(frames)
        if rate and left is not None:
            line += f", {format_seconds(left / rate)} left"
        print(
            f"\r\033[K{line}" if is_terminal else line, end="" if is_terminal else "\n", flush=True
        )

    def end(self) -> None:
        """Prints the last line."""
        self.show(is_last=True)
        if sys.stdout.isatty():
            print()

    def _frames_left(self, frames):
        """Estimates the missing frames; videos of unknown length count like the finished ones."""
        if not self.num_unknown:
            return max(0, self.known_frames - frames)
        if not self.videos:
            return None
        return max(0, round(frames / self.videos * (self.num_videos - self.videos)))


def _write_lists(
    listing: Listing,
    output: pathlib.Path,
    splits: Mapping[str, Sequence[Video]],
    folders: Mapping[Key, str],
    counts: Mapping[Key, int],
) -> None:
    write_text(output / "labels.txt", "".join(f"{label}\n" for label in listing.labels))
    if listing.background is not None:
        write_text(output / "background.txt", "".join(f"{n}\n" for n in listing.background))

    for split, videos in splits.items():
        lines = [
            f"{shlex.quote(folders[key])} {counts[key]} {_labels(video)}\n"
            for video in videos
            if (key := key_of(video)) in counts
        ]
        write_text(output / f"{split}.txt", "".join(lines))


def _labels(video):
    return ",".join(map(str, video.classes or (video.label,)))


def _report(output: pathlib.Path, skipped: Mapping[str, str]) -> None:
    """Names the videos that were left out, in a file and on the screen."""
    lines = [f"{path}: {reason}\n" for path, reason in skipped.items()]
    write_text(output / SKIPPED_FILE, "".join(lines))
    for line in lines[:_MAX_NAMED]:
        print(f"left out: {line}", end="")
    if len(lines) > _MAX_NAMED:
        print(f"and {len(lines) - _MAX_NAMED:,} more; see {output / SKIPPED_FILE}")
