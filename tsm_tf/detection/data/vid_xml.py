"""Reads and writes the annotation of one frame in the XML of ImageNet VID and DET."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable
from xml.parsers import expat
from xml.sax.saxutils import escape

from tsm_tf.data.text_file import read_bytes
from tsm_tf.errors import InputError
from tsm_tf.files import write_text

_SIZE = ("annotation", "size")
_OBJECT = ("annotation", "object")
_BOX = (*_OBJECT, "bndbox")
_MAX_NUMBER = 1 << 30
_NO_TRACK = -1


@dataclasses.dataclass(frozen=True)
class XmlObject:
    """An object of an annotation.

    Args:
        name: its class, a WordNet ID in the published data.
        track: its number in the video; -1 in still images, which have none.
        box: x1, y1, x2, y2 in pixels, half-open; the file has inclusive corners.
        is_occluded: the published flag.
        is_degraded: whether its class is hard to see in this frame alone; only rendered data has
            this flag, which other readers ignore.
        line: where it starts in the file.
    """

    name: str
    track: int
    box: tuple[float, float, float, float]
    is_occluded: bool = False
    is_degraded: bool = False
    line: int = 0


@dataclasses.dataclass(frozen=True)
class XmlFrame:
    """The annotation of a frame.

    Args:
        width: width of the picture, in pixels.
        height: its height.
        objects: what is in it, with boxes cut to the picture.
    """

    width: int
    height: int
    objects: tuple[XmlObject, ...]


def read_xml(path: str | os.PathLike) -> XmlFrame:
    """Reads an annotation.

    Raises:
        MissingFile: there is no such file.
        InputError: it is not XML, has no size, or has an object without a name, with a box that is
            empty or outside the picture, or with a bad number; names the file and the line.
    """
    content = read_bytes(path, "annotations", "must have an XML file for every frame")
    reader = _Reader(os.fspath(path))
    return reader.read(content)


class _Reader:
    """Collects the texts of an annotation's elements, with their lines."""

    def __init__(self, path):
        self._path = path
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = lambda text: self._text.append(text)
        self._parser.EntityDeclHandler = self._entity
        self._open: list[tuple[str, int]] = []
        self._text: list[str] = []
        self._size: dict[str, tuple[str, int]] = {}
        self._object: dict[str, tuple[str, int]] = {}
        self._objects: list[tuple[int, dict[str, tuple[str, int]]]] = []

    def read(self, content: bytes) -> XmlFrame:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise self._error(f"must be XML ({reason})", error.lineno, "") from None

        width, height = (
            self._number(self._size, name, 1, low=1, whole=True) for name in ("width", "height")
        )
        objects = [self._make(fields, line, width, height) for line, fields in self._objects]
        return XmlFrame(int(width), int(height), tuple(objects))

    def _error(self, rule, line, received):
        return InputError("annotations", f"{rule}; see {self._path}:{line}", received)

    def _entity(self, name, *_):
        raise self._error("must not define entities", self._parser.CurrentLineNumber, name)

    def _start(self, name, _):
        line = self._parser.CurrentLineNumber
        if not self._open and name != "annotation":
            raise self._error("must start with <annotation>", line, name)
        self._open.append((name, line))
        self._text = []

    def _end(self, name):
        names = tuple(name for name, _ in self._open)
        _, line = self._open.pop()
        value = "".join(self._text).strip(), line
        if names[:-1] == _SIZE:
            self._size[name] = value
        elif names[:-1] in (_OBJECT, _BOX):
            self._object[name] = value
        elif names == _OBJECT:
            self._objects.append((line, self._object))
            self._object = {}

    def _make(self, fields, line, width, height):
        if not fields.get("name", ("", 0))[0]:
            raise self._error("must name the class of every object", line, "no name")

        low_x, low_y, high_x, high_y = (
            self._number(fields, name, line) for name in ("xmin", "ymin", "xmax", "ymax")
        )
        x1, x2 = max(0.0, low_x), min(float(width), high_x + 1)
        y1, y2 = max(0.0, low_y), min(float(height), high_y + 1)
        if x1 >= x2 or y1 >= y2 or low_x > high_x or low_y > high_y:
            rule = f"must have boxes with pixels of the picture, {width:g} x {height:g}"
            at = fields["xmin"][1]
            raise self._error(rule, at, (low_x, low_y, high_x, high_y))

        return XmlObject(
            name=fields["name"][0],
            track=int(self._number(fields, "trackid", line, whole=True, default=_NO_TRACK)),
            box=(x1, y1, x2, y2),
            is_occluded=fields.get("occluded", ("0", 0))[0] == "1",
            is_degraded=fields.get("degraded", ("0", 0))[0] == "1",
            line=line,
        )

    def _number(self, fields, name, line, low=None, whole=False, default=None):
        """Returns a number of the file; `low` and `whole` say which ones are accepted."""
        if name not in fields:
            if default is not None:
                return default
            raise self._error(f"must have <{name}>", line, "none")

        text, line = fields[name]
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        is_right = abs(number) <= _MAX_NUMBER and (low is None or number >= low)
        if not is_right or (whole and number != int(number)):
            kind = "a whole number" if whole else "a number"
            least = "" if low is None else f" of at least {low}"
            raise self._error(f"must have {kind}{least} in <{name}>", line, text)
        return number


def write_xml(
    path: pathlib.Path,
    folder: str,
    name: str,
    width: int,
    height: int,
    objects: Iterable[XmlObject],
) -> None:
    """Writes an annotation, atomically.

    Args:
        path: the file.
        folder: name of the video.
        name: name of the picture without its suffix.
        width: width of the picture, in pixels.
        height: its height.
        objects: what is in it, with boxes of whole pixels.
    """
    lines = [
        "<annotation>",
        f"\t<folder>{escape(folder)}</folder>",
        f"\t<filename>{escape(name)}</filename>",
        "\t<size>",
        f"\t\t<width>{width}</width>",
        f"\t\t<height>{height}</height>",
        "\t</size>",
    ]
    for entry in objects:
        lines += _object_lines(entry)
    write_text(path, "\n".join([*lines, "</annotation>", ""]))


def _object_lines(entry):
    x1, y1, x2, y2 = map(round, entry.box)
    return [
        "\t<object>",
        f"\t\t<trackid>{entry.track}</trackid>",
        f"\t\t<name>{escape(entry.name)}</name>",
        "\t\t<bndbox>",
        f"\t\t\t<xmax>{x2 - 1}</xmax>",
        f"\t\t\t<xmin>{x1}</xmin>",
        f"\t\t\t<ymax>{y2 - 1}</ymax>",
        f"\t\t\t<ymin>{y1}</ymin>",
        "\t\t</bndbox>",
        f"\t\t<occluded>{int(entry.is_occluded)}</occluded>",
        "\t\t<generated>0</generated>",
        f"\t\t<degraded>{int(entry.is_degraded)}</degraded>",
        "\t</object>",
    ]
