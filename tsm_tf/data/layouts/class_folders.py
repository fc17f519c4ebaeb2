"""A folder per class: `train/<class>/*.mp4` and `val/<class>/*.mp4`, or `<class>/*.mp4`.

Instead of a video file, there may be a folder of images. The classes are in the order of their
names, or of `labels.txt`. Without folders for training and validation, a share of the videos of
each class is chosen for validation; see `val_share`.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence

from tsm_tf.data.layouts import class_names
from tsm_tf.data.layouts.folder_tree import FILE, FOLDER, OUTSIDE, FolderTree
from tsm_tf.data.layouts.rates import read_rate
from tsm_tf.data.layouts.split_names import SPLITS, find_split
from tsm_tf.data.layouts.val_share import choose_validation
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.sources.frame_names import is_image_name
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError, MissingFile

_SUFFIXES = """
    mp4 m4v mov qt avi divx mkv webm mpg mpeg m2v vob ts mts m2ts flv wmv asf ogv ogg 3gp 3g2
    mxf rm rmvb dv gif y4m mjpeg h264 hevc ivf
"""
VIDEO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())
"""Of the files that are taken for videos; in small or capital letters."""

_FOLDERS = ("", "videos_", "rawframes_")
"""What may stand before a split in the name of its folder, as in MMAction2's."""
_SAMPLE = 3  # folders per class that are looked into
_MAX_NAMED = 5


class ClassFolders:
    """A data folder with a folder per class.

    Args:
        tree: the data folder.
        val_share: the share of each class for validation, in (0, 1); None if the folders say which
            videos are for training and which for validation.

    Raises:
        InputError: the folders have no splits, and no share is given, or the reverse; video files
            beside folders of images; a link that leaves the data folder; a class that is not in
            `labels.txt`; or no videos.
    """

    def __init__(self, tree: FolderTree, val_share: float | None = None):
        self._tree, self._val_share = tree, val_share
        folders = find_split_folders(tree)
        _check_val_share(folders, val_share, tree.root)

        self._ignored: list[str] = []
        self._kinds: dict[str, str] = {}  # kind of videos -> the first class folder with them
        found = {split: self._find_classes(name) for split, name in folders.items()}
        if val_share is not None:
            found = _divide(self._find_classes(""), val_share)

        self._names = found
        self._labels_file = class_names.find_labels_file(tree)
        self.labels = self._read_labels()
        self.fps = read_rate(tree)
        self._frame_folders = FrameFolders(self.fps, tree.roots)
        self._check()
        tree.forget()

    @property
    def background(self) -> tuple[str, ...] | None:
        """The names in `background.txt`; None if there is no such file.

        Raises:
            InputError: a name is not a class.
        """
        return class_names.read_background(self._tree, self.labels)

    @property
    def source(self) -> Source:
        """Reads video files, or folders of images."""
        return VIDEO_FILES if FILE in self._kinds else self._frame_folders

    @property
    def digest(self) -> str:
        """SHA-256 of the classes, and of the names of their videos in each split."""
        lines = [f"{self.fps:g}", *self.labels, "", *(self.background or ())]
        for split, classes in self._names.items():
            lines += [split, *(name for label in self.labels for name in classes.get(label, ()))]
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of `train`, `val` and `test` that have a folder."""
        return tuple(split for split in SPLITS if split in self._names)

    @property
    def names_from(self) -> str:
        """Where the class names are from, for people."""
        return os.path.basename(self._labels_file) if self._labels_file else "the folders"

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split, by class and then by name.

        Raises:
            MissingFile: there is no such split.
            InputError: it has no videos.
        """
        if split not in self._names:
            rule = f"must be a folder with {split}.txt, or with a folder {split}"
            raise MissingFile("data", rule, self._tree.root)
        videos = tuple(
            Video(self._tree.path(name), name, UNKNOWN_FRAMES, label)
            for label, class_name in enumerate(self.labels)
            for name in self._names[split].get(class_name, ())
        )
        if not videos:
            raise InputError("data", f"must have videos of the split {split}", self._tree.root)
        return videos

    def describe(self, split: str) -> str:
        """Returns what a split was taken for, for people."""
        is_file = FILE in self._kinds
        kind = "video files" if is_file else f"folders of images ({self.fps:g} fps)"
        text = f"{split}: {kind} in a folder per class"
        if self._val_share is not None:
            text += f", {self._val_share:g} of each for validation"
        if self._ignored and split == self.splits[0]:
            text += f"; not videos, and ignored: {_some(self._ignored)}"
        return text

    def _find_classes(self, folder) -> dict[str, list[str]]:
        """Returns the names of the videos of each class, in the order of their names."""
        found = {}
        for name, path in self._subfolders(folder):
            videos = self._find_videos(path)
            if videos:
                found[name] = [f"{path}/{video}" for video in sorted(videos)]
            else:
                self._ignored.append(f"{path}/")
        return found

    def _subfolders(self, folder) -> list[tuple[str, str]]:
        """Returns the names of the folders in a folder, and their paths below the data folder."""
        return [
            (name, f"{folder}/{name}" if folder else name)
            for name, kind in sorted(self._entries(folder).items())
            if kind == FOLDER
        ]

    def _entries(self, folder) -> Mapping[str, str]:
        """Returns what is in a folder, except for hidden files.

        Raises:
            InputError: a link leaves the data folder.
        """
        path = self._tree.path(folder) if folder else self._tree.root
        entries = self._tree.entries(path)
        for name, kind in entries.items():
            if kind == OUTSIDE and not name.startswith("."):
                self._tree.check_inside(f"{path}/{name}")
        return {name: kind for name, kind in entries.items() if not name.startswith(".")}

    def _find_videos(self, folder) -> Sequence[str]:
        """Returns the names of the videos in a class folder, all of one kind."""
        entries = self._entries(folder)
        files = [name for name, kind in entries.items() if kind == FILE and is_video_name(name)]
        folders = [name for name, kind in entries.items() if kind == FOLDER]
        if any(kind == FILE and is_image_name(name) for name, kind in entries.items()):
            rule = "must have the images of each video in a folder of their own, not of their class"
            raise InputError("data", rule, self._tree.path(folder))

        if folders and not any(self._has_images(f"{folder}/{name}") for name in folders[:_SAMPLE]):
            if not files:
                rule = "must have videos, or folders of images, in the folder of each class"
                raise InputError("data", rule, self._tree.path(f"{folder}/{folders[0]}"))
            folders = []

        for kind, names in ((FILE, files), (FOLDER, folders)):
            if names:
                self._kinds.setdefault(kind, f"{folder}/{names[0]}")
        videos = {*files, *folders}
        self._ignored += [f"{folder}/{name}" for name in sorted(entries) if name not in videos]
        return files or folders

    def _has_images(self, folder):
        return any(map(is_image_name, self._entries(folder)))

    def _read_labels(self) -> tuple[str, ...]:
        """Returns the names in `labels.txt`, or of the folders.

        Raises:
            InputError: a folder is not in `labels.txt`, or the file or a name is bad.
        """
        names = sorted({name for classes in self._names.values() for name in classes})
        if not self._labels_file:
            if names:
                class_names.check_names(tuple(names), self._tree.root)
            return tuple(names)

        labels = class_names.read_labels(self._labels_file, self._tree)
        known = frozenset(labels)
        unknown = [name for name in names if name not in known]
        if unknown:
            rule = f"must have folders with the names in {self._labels_file}"
            raise InputError("data", rule, unknown[:_MAX_NAMED])
        return labels

    def _check(self):
        if not self._kinds:
            rule = "must have videos, or folders of images, in the folders of the classes"
            raise InputError("data", rule, self._tree.root)
        if len(self._kinds) > 1:
            rule = "must have either video files or folders of images"
            raise InputError("data", rule, sorted(self._kinds.values()))


def is_video_name(name: str) -> bool:
    """Returns whether a file name is that of a video, and not a hidden file's."""
    return not name.startswith(".") and name.lower().endswith(VIDEO_SUFFIXES)


def has_class_folders(tree: FolderTree) -> bool:
    """Returns whether a data folder has folders of videos."""
    return any(
        _holds_videos(tree, name)
        for name, kind in tree.entries(tree.root).items()
        if kind == FOLDER and not name.startswith(".")
    )


def find_split_folders(tree: FolderTree) -> dict[str, str]:
    """Returns the folder of each split. A folder of video files is a class, whatever its name.

    Raises:
        InputError: a split has several folders.
    """
    found: dict[str, str] = {}
    for name, kind in sorted(tree.entries(tree.root).items()):
        split = next((s for before in _FOLDERS if (s := _split_of(name, before))), None)
        if kind != FOLDER or split is None or _holds_files(tree, name):
            continue
        if split in found:
            rule = f"must have one folder of the split {split}"
            raise InputError("data", rule, [found[split], name])
        found[split] = name
    return found


def _split_of(name, before):
    return find_split(name.removeprefix(before)) if name.startswith(before) else None


def _holds_videos(tree, folder):
    """Returns whether a folder has video files, or folders of images, directly in it."""
    folders = [name for name, kind in tree.entries(tree.path(folder)).items() if kind == FOLDER]
    return _holds_files(tree, folder) or any(
        any(map(is_image_name, tree.entries(tree.path(f"{folder}/{name}"))))
        for name in folders[:_SAMPLE]
    )


def _holds_files(tree, folder):
    """Returns whether a folder has video files directly in it."""
    entries = tree.entries(tree.path(folder))
    return any(kind == FILE and is_video_name(name) for name, kind in entries.items())


def _check_val_share(folders, val_share, root):
    if val_share is None and not folders:
        rule = "must be given for a folder per class without train and val, such as 0.2"
        raise InputError("val_share", rule, root)
    if val_share is not None and folders:
        rule = "must not be given where folders say which videos are for validation"
        raise InputError("val_share", rule, sorted(folders.values()))


def _divide(classes, val_share) -> dict[str, dict[str, list[str]]]:
    """Returns the videos for training and for validation."""
    found: dict[str, dict[str, list[str]]] = {"train": {}, "val": {}}
    for label, names in classes.items():
        stems = {name: os.path.splitext(os.path.basename(name))[0] for name in names}
        chosen = choose_validation(sorted(set(stems.values())), val_share)
        for name, stem in stems.items():
            found["val" if stem in chosen else "train"].setdefault(label, []).append(name)
    return found


def _some(names):
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")
