"""What a data folder was taken for, as text: the layout, and how many videos each class has."""

import collections
from collections.abc import Sequence

from tsm_tf.data.listing import Listing
from tsm_tf.data.video import NO_CLASS_KNOWN, Video

_MAX_CLASSES = 12  # rows; of more classes, only the first ones are shown
_MAX_NAME = 40  # characters


def summarize(listing: Listing, splits: Sequence[str]) -> str:
    """Returns lines that say what was found in a data folder. Reads the lists of the splits.

    Raises:
        MissingFile: there is no such split, or a listed video does not exist.
        InputError: a bad list.
    """
    videos = {split: listing.videos(split) for split in splits}
    lines = [f"data: {listing.data}"]
    lines += [f"  {listing.layout.describe(split)}" for split in splits]
    lines += [f"  class names: {listing.layout.names_from}"]
    return "\n".join([*lines, *_table(listing.labels, videos)])


def _table(labels: Sequence[str], videos: dict[str, tuple[Video, ...]]) -> list[str]:
    """Returns the lines of a table with a row per class and a column per split."""
    counts = {split: _count(of_split) for split, of_split in videos.items()}
    rows = [("class", *videos)]
    for number, label in enumerate(labels[: _shown(len(labels))]):
        rows.append((_shorten(label), *(f"{counts[split][number]:,}" for split in videos)))
    if len(rows) <= len(labels):
        rest = range(len(rows) - 1, len(labels))
        rows.append((f"... {len(rest):,} more classes", *(_range(counts[s], rest) for s in videos)))

    if any(count[NO_CLASS_KNOWN] for count in counts.values()):
        unknown = (f"{counts[split][NO_CLASS_KNOWN]:,}" for split in videos)
        rows.append(("(class not known)", *unknown))
    rows.append(("videos", *(f"{len(of_split):,}" for of_split in videos.values())))

    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])))
        for row in rows
    ]


def _count(videos) -> collections.Counter[int]:
    counts: collections.Counter[int] = collections.Counter()
    for video in videos:
        counts.update(video.classes or (video.label,))
    return counts


def _shown(num_classes):
    return num_classes if num_classes <= _MAX_CLASSES else _MAX_CLASSES - 2


def _range(counts, numbers):
    """Returns the smallest and the largest count of some classes."""
    found = [counts[number] for number in numbers]
    return f"{min(found):,}-{max(found):,}"


def _shorten(label):
    return label if len(label) <= _MAX_NAME else f"{label[: _MAX_NAME - 3]}..."
