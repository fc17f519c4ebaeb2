"""Reads a list file: which videos it lists, in whichever published form.

| form of a line | written by |
|---|---|
| `path num_frames label` | this project, TSM, TSN, MMAction2 (`rawframes`) |
| `path label`, with a space or a comma | MMAction2 (`videos`), SlowFast, PyTorchVideo, VideoMAE |
| `path start end label`, in seconds | this project: segments of untrimmed videos |
| `path first_frame num_frames label`, of a folder of images | MMAction2 (`with_offset`) |
| `path`, or label -1 | lists of tests without published classes |
| label `3,17`, or several labels with spaces between | multi-label lists; the latter MMAction2's |

All lines have one form. Only segments may be listed beside whole videos.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import NamedTuple

from tsm_tf.data.layouts.folder_tree import FILE, FOLDER, FolderTree
from tsm_tf.data.layouts.list_lines import COMMA, several_classes, split_numbers
from tsm_tf.data.layouts.list_rows import MAX_PATH, MOST_NUMBERS, Row, RowFinder
from tsm_tf.data.layouts.list_videos import BadLine, make_multi_label_video, make_video
from tsm_tf.data.video import NO_CLASS_KNOWN, UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError, MissingFile, shorten

MAX_CLASSES = 100_000
"""Of lists without class names."""

_FORMS = {
    0: "`path`, without classes",
    1: "`path label`",
    2: "`path num_frames label`",
    3: "`path start end label`",
}
_OFFSET_FORM = "`path first_frame num_frames label`"
_RULE = (
    "must have one `path num_frames label` per line, or `path label`, or `path start end label` in "
    "seconds, or `path first_frame num_frames label` for folders of images; one form in all lines, "
    "and quotes around a path that could be read in several ways"
)
_COLUMNS_OF_ANNOTATIONS = ("youtube_id", "video_id", "original_vido_id")
_MAX_LINE = 1 << 16  # characters
_MAX_NAMED = 5
_MAX_LOST = 1000


class ListContent(NamedTuple):
    """What a list holds.

    Attributes:
        videos: in the order of the list.
        kind: `FILE` or `FOLDER`, what all paths are.
        form: the form of its lines, for people.
    """

    videos: tuple[Video, ...]
    kind: str
    form: str


class _SeveralClasses(Exception):
    """A line has several classes with spaces between them."""


class ListReader:
    """Reads a list of videos; for one list.

    Args:
        file: the path of the list, for errors.
        tree: the data folder.
        num_classes: how many classes there are; None if there are no class names.
        prefixes: folders below which the videos may be; see `RowFinder`.
        fps: frames per second of folders of images.
    """

    def __init__(
        self,
        file: str,
        tree: FolderTree,
        num_classes: int | None,
        prefixes: Sequence[str],
        fps: float,
    ):
        self._file, self._tree, self._fps = file, tree, fps
        self._num_classes = num_classes or MAX_CLASSES
        self._finder = RowFinder(tree, prefixes)
        self._kind: str | None = None  # of the first video that is found
        self._columns: int | None = None
        self._plain: re.Pattern | None = None
        self._base = ""
        self._number = 0  # of the current line
        self._missing: list[str] = []
        self._outside: list[str] = []

    def read(self, lines: Sequence[str]) -> ListContent:
        """Returns the content of a list, from its lines without line ends.

        Raises:
            MissingFile: a listed video does not exist.
            InputError: a bad line, lines of several forms, files beside folders, a label out of
                range, a path outside of the data folder, or an empty list.
        """
        numbered = self._numbered(lines)
        self._check_not_annotations(numbered)
        skipped = self._finder.choose([line for _, line in numbered[:_MAX_LOST]], self._file)
        numbered = numbered[skipped:]
        if self._finder.has_backslashes:
            numbered = [(number, line.replace("\\", "/")) for number, line in numbered]
        try:
            videos = self._videos(numbered, self._parse)
            form = _OFFSET_FORM if (self._kind, self._columns) == (FOLDER, 3) else None
            form = form or _FORMS[self._columns or 0]
        except _SeveralClasses:
            self._kind, self._missing, self._outside = None, [], []
            videos = self._videos(numbered, self._parse_several_classes)
            form = f"`path {'label' if self._kind == FILE else 'num_frames'} label ...`"

        form += ", with commas" if self._finder.separator == COMMA else ""
        return self._content(videos, form)

    def read_entries(self, entries: Sequence[tuple[str, int, tuple[int, ...]]]) -> ListContent:
        """Returns the content of a list of names, numbers of frames and classes; see `read`."""
        self._finder.choose([name for name, _, _ in entries[:_MAX_LOST]], self._file)
        videos = self._videos(enumerate(entries, 1), self._parse_entry)
        return self._content(videos, "JSON")

    def _content(self, videos, form) -> ListContent:
        if not videos:
            raise InputError("data", "must list at least one video", self._file)
        if any(video.classes for video in videos):
            form, videos = f"{form}, several labels", _with_classes(videos)
        form += f", below {self._finder.prefix}" if self._finder.prefix else ""
        return ListContent(tuple(videos), self._kind or FILE, form)

    def _numbered(self, lines):
        """Returns the lines that are not empty, with their numbers."""
        numbered = []
        for number, line in enumerate(lines, 1):
            if line := line.strip(" \t\r"):
                numbered.append((number, line))
                if len(line) > _MAX_LINE:
                    rule = f"must have lines of at most {_MAX_LINE:,} characters"
                    raise InputError("data", f"{rule}; see {self._file}:{number}", line)
        return numbered

    def _check_not_annotations(self, numbered):
        """Raises for a data set's table of videos, which often has the name of a list."""
        columns = numbered[0][1].lower().replace(",", " ").split() if numbered else []
        if any(name in columns for name in _COLUMNS_OF_ANNOTATIONS):
            rule = (
                "must have one video per line; `python -m tsm_tf.data.prepare` makes lists of a "
                f"data set's annotations; see {self._file}"
            )
            raise InputError("data", rule, numbered[0][1])

    def _videos(self, lines, parse) -> list[Video]:
        """Parses lines; raises for those of which no video is found."""
        videos = []
        for self._number, line in lines:
            video = parse(line)
            if video is None:
                self._lose(line)
            else:
                videos.append(video)
        self._raise_for_lost()
        return videos

    def _parse_plain(self, line) -> Video | None:
        """Parses most lines of most lists, several times as fast as `_parse`, which does the rest.

        Those are lines in the form of the first one, of which the path can be read in one way.
        """
        match = self._plain and self._plain.fullmatch(line)
        if not match:
            return None
        name, *count, label = match.groups()
        path, label = self._base + name, int(label)
        if self._tree.kind(path) != self._kind or label >= self._num_classes or "0" in count:
            return None
        return Video(path, name, int(count[0]) if count else UNKNOWN_FRAMES, label)

    def _parse(self, line) -> Video | None:
        if plain := self._parse_plain(line):
            return plain
        row = self._finder.find(line, self._columns)
        if row is None:
            return self._check_form(line)

        if self._kind is None:
            self._kind, self._columns = row.kind, len(row.numbers)
            self._plain = _plain_pattern(self._finder.separator, self._columns)
            self._base = self._finder.path("")
        elif row.kind != self._kind or len(row.numbers) != self._columns:
            self._check_same(row, line)

        return self._make(make_video, row, line)

    def _parse_entry(self, entry) -> Video | None:
        name, num_frames, classes = entry
        row = self._finder.existing(name, ())
        if row is None:
            return None
        self._kind = self._kind or row.kind
        if row.kind != self._kind:
            self._check_same(row, name)
        numbers = (str(num_frames), ",".join(map(str, classes)))
        return self._make(make_video, row._replace(numbers=numbers), name)

    def _check_form(self, line) -> None:
        """Raises if a line of which no video is found has another form than others."""
        row = self._finder.find_several_classes(line, fewest=MOST_NUMBERS + 1)
        _, numbers = split_numbers(line, self._finder.separator, MOST_NUMBERS)
        try:
            if row and several_classes(row.numbers):
                raise _SeveralClasses
        except ValueError:
            raise self._error(_RULE, line) from None
        if len(numbers) < (self._columns or 0):
            raise self._error(_RULE, line)

    def _check_same(self, row: Row, line) -> None:
        is_mixture_of_times = {len(row.numbers), self._columns} == {2, 3}
        if row.kind != self._kind:
            first = "files" if self._kind == FILE else "folders"
            rule = "must list either video files or folders of images"
            raise self._error(f"{rule}; the first lines name {first}", line)
        if not (row.kind == FILE and is_mixture_of_times):
            raise self._error(_RULE, line)

    def _parse_several_classes(self, line) -> Video | None:
        row = self._finder.find_several_classes(line)
        if row is None:
            return None
        self._kind = self._kind or row.kind
        if row.kind != self._kind:
            self._check_same(row, line)
        return self._make(make_multi_label_video, row, line)

    def _make(self, make, row, line) -> Video:
        try:
            return make(row, self._num_classes, self._fps)
        except BadLine as error:
            raise self._error(error.rule, error.received) from None
        except ValueError:
            raise self._error(_RULE, line) from None

    def _lose(self, line) -> None:
        """Notes that no video is found for a line."""
        if isinstance(line, tuple):  # an entry of a JSON list
            line = line[0]
        text, _ = split_numbers(line, self._finder.separator, self._columns or MOST_NUMBERS)
        if len(text) > MAX_PATH:
            raise self._error(f"must have paths of at most {MAX_PATH:,} characters", text)
        found = self._outside if self._finder.is_outside(line) else self._missing
        found.append(f"{shorten(text)} (line {self._number})")
        if len(self._missing) + len(self._outside) >= _MAX_LOST:
            self._raise_for_lost()

    def _raise_for_lost(self):
        root = self._tree.root
        if self._outside:
            rule = f"must list videos in the folder, without --allow_outside; {self._file} lists"
            raise InputError("data", f"{rule} {_some(self._outside)}", root)
        if self._missing:
            rule = f"must hold every video that {self._file} lists; missing, or not a file:"
            raise MissingFile("data", f"{rule} {_some(self._missing)}", root)

    def _error(self, rule, received) -> InputError:
        return InputError("data", f"{rule}; see {self._file}:{self._number}", received)


def _plain_pattern(separator, columns):
    """Returns a pattern for lines with a relative path that has no sign with a second meaning."""
    if columns not in (1, 2):
        return None
    numbers = columns * rf"{separator}([1-9][0-9]{{0,8}}|0)"
    return re.compile(rf"([^\"'\\\t:/][^\"'\\\t:]*(?<![ ,/])){numbers}")


def _with_classes(videos):
    """Returns the videos of a multi-label list, of which some have one class only."""
    return [
        video
        if video.classes or video.label == NO_CLASS_KNOWN
        else dataclasses.replace(video, classes=(video.label,))
        for video in videos
    ]


def _some(names):
    more = len(names) - _MAX_NAMED
    many = f"{more}" if len(names) < _MAX_LOST else f"at least {more}"
    return ", ".join(names[:_MAX_NAMED]) + (f" and {many} more" if more > 0 else "")
