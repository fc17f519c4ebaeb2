"""What the official annotations of a data set say, and finding their files."""

import csv
import dataclasses
import io
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence

from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.errors import InputError

TRAIN, VAL, TEST = "train", "val", "test"
SPLITS = (TRAIN, VAL, TEST)
UNUSED = ""
"""The split of videos that the annotations put into no list."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One video that the annotations name.

    Args:
        split: one of `SPLITS`, or `UNUSED`.
        name: how reports call the video: its official name or number.
        keys: names that its file (without suffix) or its folder of frames may have, as
            `Reader.key` returns them; the best one first.
        label: its class name; None if none is published.
    """

    split: str
    name: str
    keys: tuple[str, ...]
    label: str | None


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What the annotation files of a data set say.

    Args:
        variant: who published them in this form.
        files: the annotation files, by path below the source.
        class_names: all class names, in any order.
        entries: all videos, in the order of the files.
    """

    variant: str
    files: tuple[str, ...]
    class_names: Sequence[str]
    entries: Sequence[Entry]


@dataclasses.dataclass(frozen=True)
class Variant:
    """One published form of annotations: files that lie in one folder.

    Args:
        title: who published it.
        files: name of the file with each role. Files with the roles `TRAIN`, `VAL` and `TEST`
            list videos; at least one of the first two must be there.
        needed: roles of files that must be there too.
    """

    title: str
    files: Mapping[str, str]
    needed: tuple[str, ...] = ()

    def fits(self, names: set[str]) -> bool:
        """Returns whether a folder with these files holds this variant."""
        has = {role for role, name in self.files.items() if name in names}
        return has >= set(self.needed) and not has.isdisjoint((TRAIN, VAL))


def read_entries(
    tree: SourceTree,
    files: Mapping[str, str],
    parse: Callable[[str, str, str], list[Entry]],
) -> list[Entry]:
    """Returns the videos in the files of all splits.

    Args:
        tree: the source.
        files: paths of the files by role, in `tree`; of other roles, nothing is read.
        parse: returns the videos in a file, from its content, its split and its path.
    """
    return [
        entry
        for split in SPLITS
        if split in files
        for entry in parse(tree.read(files[split]), split, files[split])
    ]


def find_variant(
    tree: SourceTree,
    variants: Sequence[Variant],
    is_right: Callable[[str], bool] = lambda path: True,
) -> tuple[Variant, dict[str, str]] | None:
    """Returns the variant that a source holds, and the path of the file with each role.

    Args:
        tree: the source.
        variants: the published forms; the first that is found is taken.
        is_right: whether the content of the file at a path is that of such a file. Names such as
            `train.csv` are common.

    Returns:
        None if there is none.

    Raises:
        InputError: several folders hold the same variant, with different contents.
    """
    for variant in variants:
        found = []
        for folder, names in sorted(tree.others.items()):
            if variant.fits(names):
                files = {
                    role: posixpath.join(folder, name)
                    for role, name in variant.files.items()
                    if name in names and is_right(posixpath.join(folder, name))
                }
                if variant.fits({variant.files[role] for role in files}):
                    found.append(files)

        if found:
            check_equal(tree, [list(files.values()) for files in found])
            return variant, found[0]
    return None


def check_equal(tree: SourceTree, copies: Sequence[Sequence[str]]) -> None:
    """Raises unless the copies of the annotations, each a list of files, have the same content.

    Raises:
        InputError: names the folders.
    """
    if len(copies) == 1:
        return
    contents = {tuple(tree.read(path) for path in sorted(files)) for files in copies}
    if len(contents) > 1:
        folders = [posixpath.dirname(files[0]) or "." for files in copies]
        rule = "must hold one set of annotations; these folders hold different ones"
        raise InputError("source", rule, folders)


def describe_variants(variants: Sequence[Variant]) -> list[str]:
    """Returns the files of each variant, for errors."""
    return [f"{', '.join(variant.files.values())} ({variant.title})" for variant in variants]


def named_classes(entries: Sequence[Entry]) -> list[str]:
    """Returns the class names that videos have, each once."""
    return list(dict.fromkeys(entry.label for entry in entries if entry.label))


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yields the lines that are not empty with their numbers from 1.

    Lines end at `\\n` or `\\r\\n` only.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def csv_rows(text: str, place: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the rows below the header of a comma-separated file: the place and the columns.

    Args:
        text: the content of the file.
        place: its path, for errors.

    Raises:
        InputError: a row is damaged, or has fewer columns than the header.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            if not row:
                continue
            if len(row) < len(header):
                raise bad_line(f"{place}:{reader.line_num}", ",".join(header), row)
            yield f"{place}:{reader.line_num}", dict(zip(header, row, strict=False))
    except csv.Error as error:
        rule = f"must hold comma-separated text ({error}); see {place}:{reader.line_num}"
        raise InputError("source", rule, place) from None


def csv_header(text: str) -> set[str]:
    """Returns the names of the columns of a comma-separated file."""
    first = text.partition("\n")[0]
    return {name.strip().strip('"') for name in first.split(",")}


def bad_line(place: str, form: str, received: object) -> InputError:
    """Returns the error for a line of an annotation file that has another form.

    Args:
        place: file and number of the line.
        form: what a line must look like.
        received: the line.
    """
    return InputError("source", f"must have lines like `{form}`; see {place}", received)
