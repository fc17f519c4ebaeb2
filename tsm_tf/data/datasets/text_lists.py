"""The form in which 20BN published Something-Something V1 and Jester: text files with `;`.

`labels.csv` has one class name per line. `train.csv` and `validation.csv` have `id;class name`, and
`test.csv` has `id`. Class names contain commas and apostrophes, but no `;`, and no quotes are
around them.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from tsm_tf.data.datasets.annotations import (
    SPLITS,
    TEST,
    Annotations,
    Entry,
    Variant,
    bad_line,
    lines_of,
    named_classes,
)
from tsm_tf.data.datasets.source_tree import SourceTree

LABELS, ANSWERS = "labels", "test answers"
"""Roles of files: the class names, and the classes of the test videos."""


def read_text_lists(tree: SourceTree, variant: Variant, files: Mapping[str, str]) -> Annotations:
    """Returns the annotations in text files.

    Args:
        tree: the source.
        variant: their published form.
        files: path of the file with each role.

    Raises:
        InputError: a file is damaged.
    """
    texts = {role: tree.read(path) for role, path in files.items()}
    entries = [
        entry
        for split in SPLITS
        if split in files
        for entry in parse_videos(texts[split], split, files[split])
    ]
    if ANSWERS in files:
        answers = parse_videos(texts[ANSWERS], TEST, files[ANSWERS])
        entries = with_answers(entries, answers)

    return Annotations(
        variant=variant.title,
        files=tuple(files.values()),
        class_names=parse_labels(texts.get(LABELS, "")) or named_classes(entries),
        entries=entries,
    )


def parse_labels(text: str) -> list[str]:
    """Returns the class names of a file with one per line."""
    return [line.strip() for _, line in lines_of(text)]


def parse_videos(text: str, split: str, place: str) -> list[Entry]:
    """Returns the videos of a file with lines `id;class name`, or `id` where none is published.

    Args:
        text: the content of the file.
        split: the split that it lists.
        place: its path, for errors.

    Raises:
        InputError: a line has no id.
    """
    entries = []
    for number, line in lines_of(text):
        name, _, label = (part.strip() for part in line.partition(";"))
        if not name:
            raise bad_line(f"{place}:{number}", "id;class name", line)
        entries.append(Entry(split, name, (name,), label or None))
    return entries


def with_answers(entries: Sequence[Entry], answers: Sequence[Entry]) -> list[Entry]:
    """Returns the entries, with the classes of the test videos from a file of their own.

    Args:
        entries: the videos of all splits. If none of them is in the test split, the answers are
            added.
        answers: the test videos with their classes.
    """
    label_of = {answer.name: answer.label for answer in answers}
    if not any(entry.split == TEST for entry in entries):
        return [*entries, *answers]
    return [
        dataclasses.replace(entry, label=label_of.get(entry.name, entry.label))
        if entry.split == TEST
        else entry
        for entry in entries
    ]
