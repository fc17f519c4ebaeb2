"""Writes single shards and publishes the manifest. Both can be repeated after a kill."""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import tensorflow as tf

from tsm_tf.data import storage
from tsm_tf.data.shard.encode import encode_video
from tsm_tf.data.shard.index import Entry, Index, Line
from tsm_tf.data.shard.manifest import INDEX_FILE, MANIFEST_FILE, File, Manifest
from tsm_tf.data.shard.plan import UNFINISHED, Plan
from tsm_tf.data.shard.records import FOOTER_BYTES, HEADER_BYTES, Record, make_record
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import UNKNOWN_FRAMES, is_uri
from tsm_tf.errors import InputError

_MAX_NAMED = 5


@dataclasses.dataclass
class ShardReport:
    """What a finished shard holds; stored until the manifest is published.

    Args:
        file: the shard.
        entries: for the number of each video in the plan its record.
        source_frames: for each of these videos the number of frames before some were left out.
        left_out: for the number of each video that could not be read the reason.
    """

    file: File
    entries: dict[int, Entry]
    source_frames: dict[int, int]
    left_out: dict[int, str]


def report_name(shard: str) -> str:
    """Returns the name of a finished shard's report, in the folder for unfinished shards."""
    return f"{shard}.json"


def write_shard(
    name: str,
    plan: Plan,
    source: Source,
    output: str,
    skip_bad_videos: bool,
    on_video: Callable[[], None] = lambda: None,
) -> None:
    """Writes a shard and its report, unless a run before has done so.

    Args:
        name: the shard's name in the plan.
        plan: the plan.
        source: what frames are read from.
        output: folder or URI of the shards.
        skip_bad_videos: leaves out videos that cannot be read. Otherwise, the report names them.
        on_video: called after each video.

    Raises:
        OSError: a full disk, for example.
        StorageError: the object storage does not answer, or denies access.
    """
    report = _read_report(name, output)
    if report and (skip_bad_videos or not report.left_out):
        return

    number = list(plan.shards).index(name)
    first = sum(len(videos) for videos in list(plan.shards.values())[:number])
    with _temporary_folder(output) as folder:
        file = folder / name
        report = _write_records(file, number, first, plan, source, on_video)
        storage.publish_file(file, storage.join(output, name))

    content = json.dumps(dataclasses.asdict(report), ensure_ascii=False).encode()
    storage.write_file(_report_path(name, output), content)


def _write_records(file, number, first, plan, source, on_video) -> ShardReport:
    entries, source_frames, left_out, position = {}, {}, {}, 0

    with tf.io.TFRecordWriter(str(file)) as writer:
        for video_number, video in enumerate(plan.shards[file.name], first):
            try:
                encoded = encode_video(video.path, source, plan.settings)
            except (BadVideoError, FileNotFoundError) as error:
                if not getattr(error, "is_skippable", True):
                    raise
                left_out[video_number] = getattr(error, "reason", "the file is gone")
                continue
            finally:
                on_video()

            record = make_record(
                encoded.parts,
                encoded.times,
                video.name,
                plan.settings.encode,
                encoded.num_frames,
                encoded.fps,
                encoded.size,
            )
            writer.write(record.content)
            entries[video_number] = _entry(video.name, number, position, record, encoded)
            source_frames[video_number] = encoded.source_frames
            position += HEADER_BYTES + len(record.content) + FOOTER_BYTES

    size = file.stat().st_size
    if size != position:
        raise OSError(None, f"{size:,} bytes were written instead of {position:,}", str(file))
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return ShardReport(
        File(file.name, size, sha256, len(entries)),
        entries,
        source_frames,
        left_out,
    )


def _entry(name, shard, position, record: Record, encoded) -> Entry:
    offset = position + HEADER_BYTES
    return Entry(
        name=name,
        shard=shard,
        offset=offset,
        length=len(record.content),
        table_at=offset + record.table_at,
        parts_at=offset + record.parts_at,
        parts=len(encoded.parts),
        digest=record.digest,
        num_frames=encoded.num_frames,
        fps=float(encoded.fps),
        width=encoded.size[0],
        height=encoded.size[1],
    )


def publish(plan: Plan, output: str, skip_bad_videos: bool) -> None:
    """Writes the index and then, when everything that it names is there, the manifest.

    Raises:
        InputError: a video could not be read, and none is to be skipped; or a shard is missing.
        StorageError: the object storage does not answer, or denies access.
    """
    reports = []
    for name in plan.shards:
        report = _read_report(name, output)
        if report is None:
            raise InputError("output", "must have all shards of its plan; run again", name)
        reports.append(report)

    names = [video.name for videos in plan.shards.values() for video in videos]
    left_out = {names[v]: reason for report in reports for v, reason in report.left_out.items()}
    if left_out and not skip_bad_videos:
        received = f"{len(left_out):,} bad of {len(names):,} videos"
        raise InputError(
            "data", f"must have videos that can be read; {_summary(left_out)}", received
        )

    index = _make_index(plan, reports)
    content = index.to_bytes()
    storage.write_file(storage.join(output, INDEX_FILE), content)
    manifest = Manifest(
        plan.data_digest,
        plan.settings,
        plan.labels,
        plan.background,
        File(INDEX_FILE, len(content), hashlib.sha256(content).hexdigest(), len(index.entries)),
        tuple(report.file for report in reports),
        left_out,
    )
    storage.write_file(storage.join(output, MANIFEST_FILE), manifest.to_bytes())
    storage.remove_folder(storage.join(output, UNFINISHED))


def _make_index(plan: Plan, reports: list[ShardReport]) -> Index:
    entries = {number: entry for report in reports for number, entry in report.entries.items()}
    totals = {v: total for report in reports for v, total in report.source_frames.items()}
    new_numbers = {number: new for new, number in enumerate(entries)}

    def renumbered(line: Line) -> Line:
        count = line.num_frames
        stored, total = entries[line.video].num_frames, totals[line.video]
        if count != UNKNOWN_FRAMES and stored != total:
            count = max(1, round(count * stored / total))
        return dataclasses.replace(line, video=new_numbers[line.video], num_frames=count)

    splits = {
        split: tuple(renumbered(line) for line in lines if line.video in entries)
        for split, lines in plan.splits.items()
    }
    return Index(tuple(entries.values()), splits)


def _summary(left_out):
    named = [f"{name} ({reason})" for name, reason in list(left_out.items())[:_MAX_NAMED]]
    more = f" and {len(left_out) - _MAX_NAMED} more" if len(left_out) > _MAX_NAMED else ""
    return f"mend these, or use --on_bad_video=skip: {', '.join(named)}{more}"


def _report_path(name, output):
    return storage.join(storage.join(output, UNFINISHED), report_name(name))


def _read_report(name, output) -> ShardReport | None:
    """Returns the report of a shard; None if the shard is not finished."""
    path = _report_path(name, output)
    if not storage.size(path):
        return None
    content = json.loads(storage.read_file(path, "must have the report"))
    report = ShardReport(
        File(**content["file"]),
        {int(number): Entry(**entry) for number, entry in content["entries"].items()},
        {int(number): frames for number, frames in content["source_frames"].items()},
        {int(number): reason for number, reason in content["left_out"].items()},
    )
    is_there = storage.size(storage.join(output, name)) == report.file.bytes
    return report if is_there else None


@contextlib.contextmanager
def _temporary_folder(output: str) -> Iterator[pathlib.Path]:
    """Context manager that yields a folder for a shard, on the output's disk if it has one."""
    parent = None
    if not is_uri(output):
        parent = pathlib.Path(output, UNFINISHED)
        parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tsm_tf.", dir=parent) as folder:
        yield pathlib.Path(folder)
