"""Finds the videos that the lines of a list name, by looking at what exists.

Neither the separator, nor the folder below which the paths are, nor where a path with spaces ends
is written in a list. All are found from the paths that exist.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tsm_tf.data.layouts.folder_tree import FILE, FOLDER, OUTSIDE, FolderTree
from tsm_tf.data.layouts.list_lines import COMMA, SPACE, cut_numbers, readings, split_numbers
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError

MOST_NUMBERS = 3
"""Numbers behind a path, unless they are several classes."""

MAX_PATH = 4096
"""Characters, as in Linux."""

_MOST_CLASSES = 1000
_SAMPLE = 20  # lines
_HEADER = ("label", "labels", "class", "class_id", "classes")


class Row(NamedTuple):
    """A line of which the path exists.

    Attributes:
        name: the path as it was read from the line.
        path: where it leads.
        kind: `FILE` or `FOLDER`.
        numbers: what stands behind the path.
    """

    name: str
    path: str
    kind: str
    numbers: Sequence[str]


class RowFinder:
    """Reads lines of a list so that their paths exist.

    Args:
        tree: the data folder.
        prefixes: folders below which the paths may be, in the order in which they are tried.

    Attributes:
        separator: `SPACE` or `COMMA`.
        prefix: the folder below which the paths are.
        has_backslashes: whether backslashes divide folders, as on Windows.
    """

    def __init__(self, tree: FolderTree, prefixes: Sequence[str] = ("",)):
        self._tree, self._prefixes = tree, prefixes
        self._digits: dict[str, set[int]] = {}  # of the numbers that are names in a folder
        self.separator, self.prefix = SPACE, prefixes[0]
        self.has_backslashes = False

    def choose(self, lines: Sequence[str], file: str) -> int:
        """Chooses the separator, the prefix and the meaning of backslashes, from the first lines.

        Returns:
            The number of lines that are a header, 0 or 1.

        Raises:
            InputError: some lines have spaces and others commas, or with both, a line names
                different videos that exist.
        """
        sample = lines[:_SAMPLE]
        spaced, comma = self._choose_prefix(sample)
        only_spaced, only_comma = sorted(spaced.keys() - comma), sorted(comma.keys() - spaced)
        if only_spaced and only_comma:
            rule = f"must have spaces or commas in all lines; see {file}"
            raise InputError("data", rule, [only_spaced[0], only_comma[0]])
        for line in spaced.keys() & comma.keys():
            if spaced[line] != comma[line]:
                rule = f"must not name one video with spaces and another with commas; see {file}"
                raise InputError("data", rule, line)
        is_spaced = len(spaced) >= len(comma) if spaced or comma else _have_spaces(sample)
        self.separator = SPACE if is_spaced else COMMA

        found_in = [(line, row) for line in sample if "\\" in line and (row := self.find(line))]
        self.has_backslashes = bool(found_in) and all(
            row.name == split_numbers(line.replace("\\", "/"), self.separator, len(row.numbers))[0]
            for line, row in found_in
        )

        is_header = bool(lines) and self._is_header(lines[0]) and not self.find(lines[0])
        return int(is_header)

    def _choose_prefix(self, sample) -> tuple[dict[str, str], dict[str, str]]:
        """Returns where lines lead with spaces, and with commas, below the first fitting prefix."""
        for prefix in self._prefixes:
            self.prefix = prefix
            found = self._paths(sample, SPACE), self._paths(sample, COMMA)
            if any(found):
                return found
        self.prefix = self._prefixes[0]
        return {}, {}

    def _paths(self, lines, separator) -> dict[str, str]:
        """Returns where the lines lead of which a path exists. Whether a URI does is not known."""
        self.separator = separator
        rows = {line: self.find(line) for line in lines}
        return {line: row.path for line, row in rows.items() if row and not is_uri(row.path)}

    def find(self, line: str, columns: int | None = None) -> Row | None:
        """Returns a line as a row, if a reading of it exists.

        Args:
            line: without white space at its ends.
            columns: how many numbers other lines have behind the path; tried first.
        """
        if columns:
            text, numbers = split_numbers(line, self.separator, columns)
            row = self.existing(text, numbers) if len(numbers) == columns else None
            if row:
                return row
        return self._longest(line, MOST_NUMBERS, 0)

    def path(self, name: str) -> str:
        """Returns where a path in the list leads."""
        return self._tree.path(f"{self.prefix}/{name}" if self.prefix else name)

    def find_several_classes(self, line: str, fewest: int = 1) -> Row | None:
        """Returns a line that may have any number of classes behind the path, at least `fewest`."""
        return self._longest(line, _MOST_CLASSES, fewest)

    def is_outside(self, line: str) -> bool:
        """Returns whether a reading of a line is outside of the data folder."""
        return any(
            self._tree.kind(path) == OUTSIDE
            for count in range(MOST_NUMBERS + 1)
            for _, path in self._places(split_numbers(line, self.separator, count)[0])
        )

    def _longest(self, line, most, fewest):
        """Returns the row with the most numbers of those that exist."""
        cuts = cut_numbers(line, self.separator, most)
        for count in range(len(cuts), fewest - 1, -1):
            end = cuts[count - 1][0] if count else len(line)
            if row := self.existing(line[:end], ()):
                return row._replace(numbers=[number for _, number in reversed(cuts[:count])])
        return None

    def existing(self, text: str, numbers: Sequence[str]) -> Row | None:
        """Returns the row of a path, if a reading of it exists."""
        if len(text) > MAX_PATH:
            return None
        for name, path in self._places(text):
            kind = self._tree.kind(path.rstrip("/"))
            if kind == FOLDER or (kind == FILE and not path.endswith("/")):
                return Row(name, path, kind, numbers)
        return None

    def _places(self, text) -> Iterator[tuple[str, str]]:
        """Yields what a text may mean as a path, and where that leads, the most probable first.

        A number may also lead to a name with zeros before it: TSM's lists of the optical flow of
        Something-Something V1 have `12` for the folder `000012`.
        """
        for name in filter(None, readings(text)):
            path = self.path(name)
            yield name, path

            folder, _, number = path.rstrip("/").rpartition("/")
            if _is_number(number):
                names = self._tree.entries(folder)
                if folder not in self._digits:
                    self._digits[folder] = {len(other) for other in names if _is_number(other)}
                padded = {number.zfill(digits) for digits in self._digits[folder]} & names.keys()
                if len(padded) == 1:
                    yield name, f"{folder}/{padded.pop()}"

    def _is_header(self, line):
        fields = [field.strip(" \"'") for field in line.lower().split(self.separator)]
        return len(fields) <= MOST_NUMBERS + 1 and fields[-1] in _HEADER


def _is_number(name):
    return name.isascii() and name.isdecimal()


def _have_spaces(lines):
    """Returns whether lines of which no path exists end with a number behind a space."""
    return any(split_numbers(line, SPACE, 1)[1] for line in lines) or not any(
        split_numbers(line, COMMA, 1)[1] for line in lines
    )
