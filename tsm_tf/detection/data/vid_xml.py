"""Reads and writes the annotation of one frame in the XML of ImageNet VID and DET."""

import dataclasses
import pathlib
from collections.abc import Iterable
from xml.sax.saxutils import escape

from tsm_tf.files import write_text


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
