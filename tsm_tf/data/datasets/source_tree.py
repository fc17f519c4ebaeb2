"""Looks through the folder of a downloaded data set, once."""

import os
import pathlib
import re
from collections.abc import Sequence

from tsm_tf.data.sources.frame_names import is_image_name, is_inside
from tsm_tf.data.text_file import read_text

VIDEO_SUFFIXES = (
    *(".mp4", ".webm", ".avi", ".mkv", ".mov", ".m4v", ".flv", ".wmv", ".3gp"),
    *(".mpg", ".mpeg", ".ts", ".ogv"),
)
"""In small or capital letters."""


def is_video_name(name: str) -> bool:
    """Returns whether a file name is that of a video, and not a hidden file's.

    Archives made by macOS hold a `._name.mp4` beside each `name.mp4`.
    """
    return not name.startswith(".") and name.lower().endswith(VIDEO_SUFFIXES)


class SourceTree:
    """Everything below a source folder. Each folder is opened once; links are followed.

    Folders that are named like a video of the data set are not opened, because there may be
    hundreds of thousands of them; see `open_folders`.

    Args:
        source: the folder.
        video_folder: names of folders that hold the frames of one video; None opens all.
        skip: a folder that is passed over, such as the output.

    Attributes:
        source: the folder, as given.
        video_files: paths of all video files below the source, with `/` between the parts.
        frame_folders: paths of folders with images and no videos, and those named like a video.
        others: names of the other files, by the path of their folder; `""` is the source.
        unreadable: reason, by the path of each folder that cannot be opened.
        outside: paths of links that lead out of the source, to files or folders of any kind.

    Raises:
        OSError: the source cannot be opened.
    """

    def __init__(
        self,
        source: pathlib.Path,
        video_folder: re.Pattern[str] | None = None,
        skip: pathlib.Path | None = None,
    ):
        self.source = source
        self.video_files: list[str] = []
        self.frame_folders: list[str] = []
        self.others: dict[str, set[str]] = {}
        self.unreadable: dict[str, str] = {}
        self.outside: list[str] = []
        self._root = os.path.realpath(source)
        self._closed: set[str] = set()
        self._seen: set[tuple[int, int]] = set()
        if skip is not None and skip.is_dir():
            self._is_new(os.stat(skip))

        os.listdir(source)  # raises if it cannot be opened
        self._walk([""], video_folder)

    def open_folders(self, folders: Sequence[str]) -> None:
        """Opens those of the folders that were not opened, as they are named like a video.

        Args:
            folders: paths of folders that turned out to be no videos of the data set.
        """
        closed = self._closed.intersection(folders)
        self.frame_folders = [path for path in self.frame_folders if path not in closed]
        self._closed -= closed
        self._walk(sorted(closed), None)

    def read(self, path: str) -> str:
        """Returns the text of a file.

        Args:
            path: its path below the source.

        Raises:
            InputError: it cannot be read, or is not UTF-8.
        """
        return read_text(self.source / path, "source", "must hold readable annotations")

    def _walk(self, folders, video_folder):
        waiting = list(folders)
        while waiting:
            folder = waiting.pop()
            try:
                waiting += self._open(folder, video_folder)
            except OSError as error:
                self.unreadable[folder] = error.strerror or type(error).__name__

    def _open(self, folder, video_folder) -> list[str]:
        """Sorts the content of a folder, and returns the folders in it that are to be opened."""
        folders, images, videos = [], set(), False
        prefix = f"{folder}/" if folder else ""
        if not self._is_new(os.stat(self.source / folder)):
            return []

        with os.scandir(self.source / folder) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_symlink() and not is_inside(entry.path, [self._root]):
                    self.outside.append(prefix + name)
                if entry.is_dir():
                    if video_folder is not None and video_folder.fullmatch(name):
                        self.frame_folders.append(prefix + name)
                        self._closed.add(prefix + name)
                    else:
                        folders.append(prefix + name)
                elif is_video_name(name):
                    self.video_files.append(prefix + name)
                    videos = True
                elif is_image_name(name):
                    images.add(name)
                else:
                    self.others.setdefault(folder, set()).add(name)

        if images and folder and not videos and not folders:
            self.frame_folders.append(folder)
        elif images:
            self.others.setdefault(folder, set()).update(images)
        return folders

    def _is_new(self, status) -> bool:
        """Returns whether a folder was not seen before, by another link to it."""
        identity = status.st_dev, status.st_ino
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new
