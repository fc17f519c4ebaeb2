"""ImageNet VID and DET in their published layout, with the lists of FGFA.

    Data/VID/{train,val}/.../VIDEO/000000.JPEG     Annotations/VID/{train,val}/.../VIDEO/000000.xml
    Data/DET/train/.../IMAGE.JPEG                  Annotations/DET/train/.../IMAGE.xml
    ImageSets/*.txt

A line of a list is `FRAME ID` or, in lists of videos, `VIDEO ID FIRST_FRAME LENGTH`. In
`VID_train_15frames.txt`, which has several lines per video, the third column is a frame to train on
and the video starts at frame 0.
"""

import dataclasses
import functools
import os
from collections.abc import Iterator

import numpy as np

from tsm_tf.data.layouts.list_lines import parse_integer
from tsm_tf.data.text_file import read_lines
from tsm_tf.detection.data.annotated import AnnotatedFrame, AnnotatedVideo, LazyFrames
from tsm_tf.detection.data.class_names import ClassNames
from tsm_tf.detection.data.vid_xml import read_xml
from tsm_tf.errors import InputError, MissingFile

_LIST_FOLDERS = ("ImageSets", "Lists")
_LISTS = {
    "train": (("DET_train_30classes",), ("VID_train_15frames", "VID_train_videos")),
    "val": (("VID_val_videos", "VID_val_frames"),),
}
"""The lists of a split: of each group, the first that exists."""

_WHOLE_VIDEOS = "_videos"  # how the names of lists end whose lines are videos, not frames of one


@dataclasses.dataclass(frozen=True)
class _Line:
    """A line of a list.

    Args:
        path: a frame or a video below `Data/VID` or `Data/DET`, without suffix.
        numbers: the other columns.
        place: the file and the line, for errors.
    """

    path: str
    numbers: tuple[int, ...]
    place: str


class VidFolder:
    """Reads annotated videos in the layout of ImageNet VID.

    Args:
        data: the folder.
        labels: names of the classes.
    """

    def __init__(self, data: str, labels: tuple[str, ...]):
        self.data = data
        self.classes = ClassNames(labels)

    @staticmethod
    def fits(data: str) -> bool:
        """Returns whether a folder has lists and annotations in this layout."""
        has_lists = any(os.path.isdir(os.path.join(data, name)) for name in _LIST_FOLDERS)
        return has_lists and os.path.isdir(os.path.join(data, "Annotations"))

    def videos(self, split: str) -> list[AnnotatedVideo]:
        """Returns the videos of all lists of a split; see `DetectionListing.videos`."""
        return [video for path in self.files(split) for video in self._read_list(path)]

    def files(self, split: str) -> list[str]:
        """Returns the list files of a split.

        Raises:
            MissingFile: there is none.
        """
        groups = _LISTS.get(split, ((split,),))
        found = [next((p for n in group if (p := self._list_file(n))), None) for group in groups]
        files = [path for path in found if path is not None]
        if files:
            return files
        names = " or ".join(f"{name}.txt" for group in groups for name in group)
        folders = " or ".join(_LIST_FOLDERS)
        raise MissingFile("data", f"must have the list {names} in {folders}", self.data)

    def _list_file(self, name):
        paths = [os.path.join(self.data, folder, f"{name}.txt") for folder in _LIST_FOLDERS]
        return next((path for path in paths if os.path.isfile(path)), None)

    def _read_list(self, path) -> Iterator[AnnotatedVideo]:
        name = os.path.splitext(os.path.basename(path))[0]
        kind = "DET" if name.startswith("DET") else "VID"
        lines = list(_read_lines(path))
        if len({len(line.numbers) for line in lines}) > 1:
            odd = next(line for line in lines if len(line.numbers) != len(lines[0].numbers))
            rule = f"must have lines of one form; see {odd.place}"
            raise InputError("data", rule, odd.path)

        if len(lines[0].numbers) == 3:
            is_whole = name.endswith(_WHOLE_VIDEOS)
            yield from self._whole_videos(lines) if is_whole else self._key_frames(lines)
        elif kind == "DET":
            for number, line in enumerate(lines, 1):
                folder, image = os.path.split(line.path)
                yield self._video("DET", line, line.path, folder, [image], number)
        else:
            yield from self._frames(lines)

    def _whole_videos(self, lines):
        for line in lines:
            first_id, first, length = line.numbers
            names = [f"{first + place:06d}" for place in range(length)]
            yield self._video("VID", line, line.path, line.path, names, first_id)

    def _key_frames(self, lines):
        """Yields the videos of `VID_train_15frames.txt`, in the order of their first lines."""
        first_id, lines_of = 1, dict[str, list[_Line]]()
        for line in lines:
            lines_of.setdefault(line.path, []).append(line)

        for path, group in lines_of.items():
            length = group[0].numbers[2]
            for line in group:
                if line.numbers[2] != length or line.numbers[1] >= length:
                    rule = f"must name frames of a video of {length} frames; see {line.place}"
                    raise InputError("data", rule, line.numbers[1:])

            names = [f"{place:06d}" for place in range(length)]
            keys = tuple(line.numbers[1] for line in group)
            yield self._video("VID", group[0], path, path, names, first_id, keys)
            first_id += length

    def _frames(self, lines):
        """Yields the videos whose frames are listed one by one, such as `VID_val_frames.txt`."""
        first = 0
        for end in range(1, len(lines) + 1):
            video, _ = os.path.split(lines[first].path)
            if end < len(lines) and os.path.split(lines[end].path)[0] == video:
                if lines[end].numbers[0] != lines[end - 1].numbers[0] + 1:
                    rule = f"must number the frames of a video in order; see {lines[end].place}"
                    raise InputError("data", rule, lines[end].numbers[0])
                continue
            names = [os.path.split(line.path)[1] for line in lines[first:end]]
            yield self._video("VID", lines[first], video, video, names, lines[first].numbers[0])
            first = end

    def _video(self, kind, line, name, folder, names, first_id, keys=None):
        if not names:
            raise InputError("data", f"must have videos with frames; see {line.place}", name)
        read = functools.partial(self._read_frame, kind, folder, names)
        for path in self._files(kind, folder, names[0]):
            if not os.path.isfile(path):
                raise MissingFile("data", f"must have the files of {line.place}", path)
        return AnnotatedVideo(name, LazyFrames(len(names), read), first_id, keys)

    def _files(self, kind, folder, name):
        """Returns the paths of a frame's picture and annotation."""
        return (
            os.path.join(self.data, "Data", kind, folder, f"{name}.JPEG"),
            os.path.join(self.data, "Annotations", kind, folder, f"{name}.xml"),
        )

    def _read_frame(self, kind, folder, names, index):
        picture, annotation = self._files(kind, folder, names[index])
        frame = read_xml(annotation)

        known, classes = [], []
        for entry in frame.objects:
            index_of_class = self.classes.index(entry.name)
            if index_of_class is not None:
                known.append(entry)
                classes.append(index_of_class)
            elif kind == "VID" and not self.classes.is_published(entry.name):
                rule = f"must name classes of the data; see {annotation}:{entry.line}"
                raise InputError("annotations", rule, entry.name)

        return AnnotatedFrame(
            path=picture,
            width=frame.width,
            height=frame.height,
            boxes=np.array([entry.box for entry in known], np.float32).reshape(-1, 4),
            classes=np.array(classes, np.int32),
            tracks=np.array([entry.track for entry in known], np.int32),
            degraded=np.array([entry.is_degraded for entry in known], bool),
        )


def _read_lines(path) -> Iterator[_Line]:
    empty = True
    for number, text in enumerate(read_lines(path), 1):
        if not text.strip():
            continue
        empty, place = False, f"{path}:{number}"
        name, *columns = text.split()
        try:
            numbers = tuple(map(parse_integer, columns))
        except ValueError:
            numbers = ()
        if len(numbers) not in (1, 3) or min(numbers) < 0:
            rule = f"must have lines `FRAME ID` or `VIDEO ID FRAME LENGTH`; see {place}"
            raise InputError("data", rule, text)
        if os.path.isabs(name) or ".." in name.split("/"):
            raise InputError("data", f"must have paths below its folder; see {place}", name)
        yield _Line(name, numbers, place)

    if empty:
        raise InputError("data", "must have lists with lines", path)
