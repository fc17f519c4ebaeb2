"""Kinetics-400's annotations: a CSV file per split, from four publishers.

The columns are `label,youtube_id,time_start,time_end,split` and, in the older files, `is_cc`. The
test file of ActivityNet's crawler has no `label`.

A clip is `<youtube id>_<start, 6 digits>_<end, 6 digits>.mp4`. The original TSM's folders of frames
are `<youtube id>_<start as in the CSV file>`. Some copies have `<youtube id>.mp4`. The files in
CVDF's folder `replacement` stand in for those with the same YouTube id.
"""

import posixpath

from tsm_tf.data.datasets.annotations import (
    TEST,
    TRAIN,
    VAL,
    Annotations,
    Entry,
    Variant,
    bad_line,
    csv_header,
    csv_rows,
    describe_variants,
    find_variant,
    named_classes,
)
from tsm_tf.data.datasets.source_tree import SourceTree

_COLUMNS = {"youtube_id", "time_start", "time_end"}
_ID_LENGTH = 11  # characters; an id may begin with `-` and contain `_`
_REPLACEMENT = "replacement"

VARIANTS = (
    Variant(
        "MMAction2",
        {TRAIN: "kinetics_train.csv", VAL: "kinetics_val.csv", TEST: "kinetics_test.csv"},
    ),
    Variant(
        "ActivityNet's crawler",
        {
            TRAIN: "kinetics-400_train.csv",
            VAL: "kinetics-400_val.csv",
            TEST: "kinetics-400_test.csv",
        },
    ),
    Variant(
        "DeepMind",
        {TRAIN: "train.csv", VAL: "validate.csv", TEST: "test.csv"},
        needed=(VAL,),
    ),
    Variant("CVDF", {TRAIN: "train.csv", VAL: "val.csv", TEST: "test.csv"}),
)

LOOKED_FOR = describe_variants(VARIANTS)


def read_annotations(tree: SourceTree, split: int) -> Annotations | None:
    """Returns the annotations in a source; None if there are none. There is one split only.

    Raises:
        InputError: they are damaged, or there are several.
    """

    def is_right(path):
        return csv_header(tree.read(path)) >= _COLUMNS

    found = find_variant(tree, VARIANTS, is_right)
    if found is None:
        return None

    variant, files = found
    entries = [
        entry for role, path in files.items() for entry in parse_rows(tree.read(path), role, path)
    ]
    return Annotations(
        variant=variant.title,
        files=tuple(files.values()),
        class_names=named_classes(entries),
        entries=entries,
    )


def parse_rows(text: str, split: str, place: str) -> list[Entry]:
    """Returns the clips of one CSV file.

    Args:
        text: its content.
        split: the split that it lists.
        place: its path, for errors.

    Raises:
        InputError: a row is damaged.
    """
    entries = []
    for where, row in csv_rows(text, place):
        youtube_id, given = row["youtube_id"].strip(), row["time_start"].strip()
        try:
            start, end = int(float(given)), int(float(row["time_end"]))  # some copies have 12.0
        except (ValueError, OverflowError):
            form = "label,youtube_id,time_start,time_end,split"
            raise bad_line(where, form, list(row.values())) from None

        name = f"{youtube_id}_{start:06d}_{end:06d}"
        frames = dict.fromkeys((f"{youtube_id}_{given}", f"{youtube_id}_{start}"))
        keys = (f"{_REPLACEMENT}/{youtube_id}", name, *frames, youtube_id)
        entries.append(Entry(split, name, keys, row.get("label", "").strip() or None))

    return entries


def key(path: str) -> str:
    """Returns what a file or folder is found by: its name, or the id that it is a replacement for.

    Args:
        path: its path below the source, without suffix.
    """
    folder, name = posixpath.split(path)
    is_replacement = any(part.startswith(_REPLACEMENT) for part in folder.split("/"))
    return f"{_REPLACEMENT}/{name[:_ID_LENGTH]}" if is_replacement else name


def is_replacement(key: str) -> bool:
    """Returns whether a key is that of a file that stands in for another."""
    return key.startswith(f"{_REPLACEMENT}/")
