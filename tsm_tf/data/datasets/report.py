"""Decides which copy of each video is listed, and accounts for all others."""

import collections
import dataclasses
import posixpath
import shlex
from collections.abc import Mapping, Sequence

from tsm_tf.data.datasets.annotations import Annotations
from tsm_tf.data.datasets.catalogue import plain_name
from tsm_tf.data.datasets.checking import Checked
from tsm_tf.data.datasets.matching import Match, Matches
from tsm_tf.data.video import MIN_TRAINING_FRAMES

PROBLEMS = (
    *("missing", "unreadable", "replaced", "duplicates", "respelled", "short", "extra"),
    "ignored",
)
"""Explained in `tsm_tf.data.prepare`."""

_UNKNOWN_LABEL = -1


@dataclasses.dataclass
class Report:
    """What became of the videos.

    Args:
        annotated: number of videos of each split in the annotations.
        lines: the lines of each split's list.
        problems: paths below the source, or names of videos, for each of `PROBLEMS`; sorted.
        reasons: why the unreadable paths cannot be read.
    """

    annotated: dict[str, int]
    lines: dict[str, list[str]]
    problems: dict[str, list[str]]
    reasons: dict[str, str]

    def add_unreadable(self, reasons: Mapping[str, str]) -> None:
        """Adds paths that cannot be read; `reasons` says why."""
        self.reasons |= reasons
        self.problems["unreadable"] = sorted({*self.problems["unreadable"], *reasons})


def build_report(
    annotations: Annotations,
    matches: Matches,
    checked: Sequence[Sequence[Checked]],
    labels: Sequence[str],
) -> Report:
    """Decides which copy of each video is listed, and accounts for the others.

    Args:
        annotations: those of the data set.
        matches: the videos that were found.
        checked: for each of them what `check_videos` returned.
        labels: the class names, in the order of their numbers.
    """
    numbers = {plain_name(label): number for number, label in enumerate(labels)}
    lines: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    problems: dict[str, list[str]] = collections.defaultdict(list)
    problems["missing"] += matches.missing
    problems["duplicates"] += matches.duplicates
    problems["extra"] += matches.extra
    problems["ignored"] += matches.ignored

    for video, results in zip(matches.found, checked, strict=True):
        result, num_bad = results[-1], sum(not result.num_frames for result in results)
        reasons |= {video.paths[i]: results[i].reason for i in range(num_bad)}
        problems["unreadable"] += video.paths[:num_bad]
        if not result.num_frames:
            continue

        _add_copies(video, num_bad, problems)
        path = video.paths[num_bad]
        if _is_respelled(path, video.entry.name):
            problems["respelled"].append(path)
        if result.num_frames < MIN_TRAINING_FRAMES:
            problems["short"].append(path)

        label = numbers[plain_name(video.entry.label)] if video.entry.label else _UNKNOWN_LABEL
        line = f"{quote(result.path)} {result.num_frames} {label}"
        lines.setdefault(video.entry.split, []).append(line)

    return Report(
        annotated=dict(collections.Counter(entry.split for entry in annotations.entries)),
        lines=lines,
        problems={name: sorted(problems[name]) for name in PROBLEMS},
        reasons=reasons,
    )


def quote(path: str) -> str:
    """Returns a path as list files have it: in quotes if it contains spaces, quotes or `\\`."""
    if not any(character in " \t\"'\\" for character in path):
        return path
    return shlex.quote(path) if '"' in path or "\\" in path else f'"{path}"'


def _add_copies(video: Match, chosen: int, problems: dict[str, list[str]]) -> None:
    """Adds the copies behind the chosen one. A replacement replaces the originals."""
    originals = max(chosen + 1, video.num_replacements)
    problems["duplicates"] += video.paths[chosen + 1 : originals]

    if chosen < video.num_replacements:
        problems["replaced"] += video.paths[originals:] or [video.entry.name]
    else:
        problems["duplicates"] += video.paths[originals:]


def _is_respelled(path: str, name: str) -> bool:
    """Returns whether a file's name differs from the official one in capital letters only."""
    found, official = (posixpath.splitext(posixpath.basename(each))[0] for each in (path, name))
    return found != official and found.lower() == official.lower()
