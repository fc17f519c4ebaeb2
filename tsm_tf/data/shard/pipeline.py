"""The Apache Beam pipeline that writes shards. No other module knows Beam."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from tsm_tf.data.listing import Listing
from tsm_tf.data.modality import source_of
from tsm_tf.data.shard.plan import Plan, load_plan
from tsm_tf.data.shard.write import publish, write_shard
from tsm_tf.data.sources.video_file import VideoFiles
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError, one_line

LOCAL_RUNNER = "FnApiRunner"
"""Runs in this process and downloads nothing, other than Beam's `DirectRunner`."""

_LOCAL_FLAGS = {"--direct_running_mode": "multi_threading", "--direct_num_workers": "0"}


def run_pipeline(
    plan: Plan,
    listing: Listing,
    output: str,
    runner: str,
    beam_flags: Sequence[str],
    skip_bad_videos: bool,
    on_video: Callable[[], None],
) -> None:
    """Writes the shards of a stored plan, and publishes the manifest.

    Args:
        plan: the plan, which is also stored in the output.
        listing: the data, whose folder must have the same path on every worker.
        output: folder or URI of the shards.
        runner: Beam's name of a runner.
        beam_flags: more of Beam's flags.
        skip_bad_videos: leaves out videos that cannot be read.
        on_video: called after each video that this process encodes.

    Raises:
        InputError: a video cannot be read, or the runner fails.
        OSError: a full disk, for example.
        StorageError: the object storage does not answer, or denies access.
    """
    flags = [f"--runner={runner}", *beam_flags]
    if runner == LOCAL_RUNNER:
        given = " ".join(beam_flags)
        flags += [f"{flag}={value}" for flag, value in _LOCAL_FLAGS.items() if flag not in given]

    with _watched(on_video) as errors:
        try:
            with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
                _ = (
                    pipeline
                    | "Name the shards" >> beam.Create(list(plan.shards))
                    | "Spread them" >> beam.Reshuffle()
                    | "Write them" >> beam.ParDo(_WriteShard(listing, output, skip_bad_videos))
                    | "Wait for all" >> beam.CombineGlobally(beam.combiners.CountCombineFn())
                    | "Publish" >> beam.ParDo(_Publish(output, skip_bad_videos))
                )
        except Exception as error:
            if errors:
                raise errors[0] from None
            raise InputError("runner", f"must finish ({one_line(error)})", runner) from error
        if isinstance(listing.source, VideoFiles):  # workers of this process have one of their own
            listing.source.damaged.update(_damaged)


_errors: list[Exception] = []
_damaged: dict[str, int] = {}  # as in `VideoFiles`
_on_video: Callable[[], None] = lambda: None  # noqa: E731
_stopped = threading.Event()


@contextlib.contextmanager
def _watched(on_video: Callable[[], None]) -> Iterator[list[Exception]]:
    """Context manager that receives what happens to workers that are threads of this process.

    Beam passes an error on as text only, and does not stop its threads.
    """
    global _on_video
    _errors.clear()
    _damaged.clear()
    _stopped.clear()
    _on_video = on_video
    try:
        yield _errors
    except BaseException:
        _stopped.set()
        raise
    finally:
        _on_video = lambda: None  # noqa: E731


def _video_done() -> None:
    _on_video()
    if _stopped.is_set():
        raise InterruptedError("stopped")


@functools.lru_cache(maxsize=1)
def _open(
    data: str,
    val_share: float | None,
    allow_outside: bool,
    keep_damaged: bool,
    output: str,
) -> tuple[Listing, Plan]:
    """Returns the data and the plan, read once per process."""
    plan = load_plan(output)
    if plan is None:
        raise InputError("output", "must have the plan that was stored when the run began", output)
    listing = Listing(
        data, val_share=val_share, allow_outside=allow_outside, keep_damaged=keep_damaged
    )
    return listing, plan


class _WriteShard(beam.DoFn):
    """Writes shards, given by name; yields the names."""

    def __init__(self, listing: Listing, output: str, skip_bad_videos: bool):
        data = listing.data
        self.data = data if is_uri(data) else os.path.abspath(data)
        self.val_share, self.allow_outside = listing.val_share, listing.allow_outside
        self.keep_damaged = listing.keep_damaged
        self.output, self.skip_bad_videos = output, skip_bad_videos

    def process(self, element):
        try:
            listing, plan = _open(
                self.data, self.val_share, self.allow_outside, self.keep_damaged, self.output
            )
            source = source_of(listing, plan.settings.modality)
            write_shard(
                element,
                plan,
                source,
                self.output,
                self.skip_bad_videos,
                _video_done,
            )
            if isinstance(source, VideoFiles):
                _damaged.update(source.damaged)
        except Exception as error:
            _errors.append(error)
            raise
        yield element


class _Publish(beam.DoFn):
    """Publishes the manifest; its element is the number of written shards."""

    def __init__(self, output: str, skip_bad_videos: bool):
        self.output, self.skip_bad_videos = output, skip_bad_videos

    def process(self, element):
        try:
            plan = load_plan(self.output)
            if plan is not None:  # otherwise an attempt before this one published it
                publish(plan, self.output, self.skip_bad_videos)
        except Exception as error:
            _errors.append(error)
            raise
        yield element
