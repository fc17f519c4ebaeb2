"""The plan of a sharding: which video goes into which shard. It is stored beside the shards."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tsm_tf.data import storage
from tsm_tf.data.listing import Listing
from tsm_tf.data.shard.index import Line
from tsm_tf.data.shard.manifest import MANIFEST_FILE, find_manifest
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError

UNFINISHED = "_unfinished"
"""Folder for the plan and the unfinished shards; removed when the manifest is published."""

_PLAN_FILE = "plan.json"
_SAMPLE_SIZE = 8  # videos per split that are encoded to estimate the number of shards
_MAX_SHARDS = 99_999
_SEED = 0


@dataclasses.dataclass(frozen=True)
class PlannedVideo:
    """A video: its name in the list, and the path on the machines that encode."""

    name: str
    path: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which video goes into which shard.

    Args:
        data_digest: the digest of the lists.
        settings: how the shards are made.
        labels: the class names.
        background: the classes in which nothing happens, or None.
        shards: the videos of each shard, by its name. A video's number counts through all shards.
        splits: the lines of each split.
    """

    data_digest: str
    settings: Settings
    labels: tuple[str, ...]
    background: tuple[str, ...] | None
    shards: Mapping[str, tuple[PlannedVideo, ...]]
    splits: Mapping[str, tuple[Line, ...]]

    def save(self, output: str) -> None:
        """Writes the plan to the folder for unfinished shards."""
        content = json.dumps(dataclasses.asdict(self), ensure_ascii=False).encode()
        storage.write_file(_plan_path(output), content)


def load_plan(output: str) -> Plan | None:
    """Returns the plan of an unfinished sharding; None if there is none.

    Raises:
        InputError: it is damaged.
        StorageError: the object storage does not answer, or denies access.
    """
    path = _plan_path(output)
    if not storage.size(path):
        return None
    try:
        content = json.loads(storage.read_file(path, "must have a plan"))
        background = content["background"]
        return Plan(
            data_digest=content["data_digest"],
            settings=Settings(**content["settings"]),
            labels=tuple(content["labels"]),
            background=None if background is None else tuple(background),
            shards={
                name: tuple(PlannedVideo(**video) for video in videos)
                for name, videos in content["shards"].items()
            },
            splits={
                split: tuple(Line(**{**line, "classes": tuple(line["classes"])}) for line in lines)
                for split, lines in content["splits"].items()
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        rule = f"must have an undamaged plan ({error!r}), or be a new folder"
        raise InputError("output", rule, path) from None


def is_complete(output: str, listing: Listing, settings: Settings) -> bool:
    """Returns whether a folder has these shards already.

    Raises:
        InputError: it has other shards, or something else.
        StorageError: the object storage does not answer, or denies access.
    """
    found = find_manifest(output)
    if found:
        _check_same(output, found[0].data_digest, found[0].settings, listing, settings)
        return True

    plan = load_plan(output)
    if plan:
        _check_same(output, plan.data_digest, plan.settings, listing, settings)
    elif any(not name.startswith(".") and name != UNFINISHED for name in storage.names(output)):
        rule = f"must be a new or empty folder, or one with {MANIFEST_FILE}"
        raise InputError("output", rule, output)
    return False


def _check_same(output, digest, has: Settings, listing, settings):
    if digest != listing.digest:
        rule = f"must be a new folder for other data; {output} has shards of other lists"
        raise InputError("output", rule, listing.data)
    for name, value in dataclasses.asdict(settings).items():
        if getattr(has, name) != value:
            rule = f"must be a new folder for another {name}; {output} has {getattr(has, name)}"
            raise InputError("output", rule, value)


def make_plan(
    listing: Listing,
    settings: Settings,
    old: Plan | None,
    estimate: Callable[[Video], int],
) -> Plan:
    """Returns a plan in which the videos of each split are shuffled.

    A video that is in several splits goes into the shards of the first.

    Args:
        listing: the data.
        settings: how the shards are made.
        old: the plan of an earlier run, whose numbers of shards are kept.
        estimate: returns the bytes that a video will take.

    Raises:
        InputError: bad lists.
    """
    lists = {split: listing.videos(split) for split in listing.splits}
    seen: set[str] = set()
    shards: dict[str, tuple[PlannedVideo, ...]] = {}
    for number, (split, videos) in enumerate(lists.items()):
        own = list({video.path: video for video in videos if video.path not in seen}.values())
        seen |= {video.path for video in own}
        if not own:
            continue

        count = _old_count(old, split) or _shard_count(own, settings, estimate)
        order = np.random.default_rng((_SEED, number)).permutation(len(own))
        for part, indices in enumerate(np.array_split(order, min(count, len(own)))):
            name = f"{split}-{part:05d}-of-{min(count, len(own)):05d}.tfrecord"
            shards[name] = tuple(PlannedVideo(own[i].name, own[i].path) for i in indices)

    numbers: dict[str, int] = {}
    for videos in shards.values():
        for video in videos:
            numbers[video.path] = len(numbers)
    return Plan(
        listing.digest,
        settings,
        listing.labels,
        listing.background,
        shards,
        {split: _lines(videos, numbers) for split, videos in lists.items()},
    )


def _lines(videos, numbers):
    return tuple(
        Line(numbers[v.path], v.num_frames, v.label, float(v.start), v.end, v.classes)
        for v in videos
    )


def _old_count(old, split):
    return sum(name.startswith(f"{split}-") for name in old.shards) if old else 0


def _shard_count(
    videos: Sequence[Video],
    settings: Settings,
    estimate: Callable[[Video], int],
) -> int:
    sample = videos[:: math.ceil(len(videos) / _SAMPLE_SIZE)]
    mean = sum(map(estimate, sample)) / len(sample)
    count = math.ceil(mean * len(videos) / (settings.shard_mib << 20))
    return min(max(1, count), _MAX_SHARDS)


def _plan_path(output):
    return storage.join(storage.join(output, UNFINISHED), _PLAN_FILE)
