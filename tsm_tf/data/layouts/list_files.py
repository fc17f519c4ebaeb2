"""List files, in the formats of this project, the original, TSN, MMAction2 and SlowFast.

The folder holds one list per split, such as `train.txt` and `val.txt`, and `labels.txt` with one
class name per line. Paths are relative to the folder. `list_reader` says which forms the lines may
have. `background.txt` holds the names of the classes in which nothing happens, one per line, and
`rate.txt` the frames per second of folders of images.
"""

import hashlib
import os
import re
from collections.abc import Sequence

from tsm_tf.data.layouts import class_names, list_json
from tsm_tf.data.layouts.class_folders import has_class_folders
from tsm_tf.data.layouts.class_names import BACKGROUND_FILE, LABELS_FILE
from tsm_tf.data.layouts.folder_tree import FILE, FolderTree
from tsm_tf.data.layouts.list_reader import ListContent, ListReader
from tsm_tf.data.layouts.rates import RATE_FILE, read_rate
from tsm_tf.data.layouts.split_names import SPLIT_WORDS, SPLITS, find_split
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.text_file import read_bytes, read_lines
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError, MissingFile

_DIGESTED_SPLITS = ("train", "val")
_LIST = re.compile(
    rf"(?:.+_)?({'|'.join(SPLIT_WORDS)})(?:_list)?(?:_split_?[0-9])?"
    r"(?:_(?:videofolder|videos|rawframes))?(?:_flow)?\.(?:txt|csv|json)",
    re.IGNORECASE,
)
"""`train.txt`, `train.csv`, `train_videofolder.txt`, `ucf101_rgb_train_split_1.txt`,
`kinetics400_train_list_videos.txt`, `train_split_1_rawframes.txt`, ..."""
_PREFIXES = ("", "videos_{}", "rawframes_{}", "videos", "rawframes", "frames", "{}")
"""Folders below which the videos of a split may be; MMAction2 calls them `data_prefix`."""


class ListFiles:
    """A folder of list files.

    Args:
        tree: the data folder.

    Raises:
        MissingFile: a list without class names does not exist.
        InputError: the file of class names has none, one name twice, or an endless or unprintable
            name, or, if there is no such file, a list is bad.
    """

    def __init__(self, tree: FolderTree):
        self._tree = tree
        self._contents: dict[str, ListContent] = {}
        self.fps = read_rate(tree)
        self._frame_folders = FrameFolders(self.fps, tree.roots)
        self._labels_file = class_names.find_labels_file(tree)
        if self._labels_file:
            self.labels = class_names.read_labels(self._labels_file, tree)
        else:
            self.labels = self._numbers()

    @property
    def background(self) -> tuple[str, ...] | None:
        """The names in `background.txt`; None if there is no such file.

        Raises:
            InputError: a name is not in `labels.txt`.
        """
        return class_names.read_background(self._tree, self.labels)

    @property
    def source(self) -> Source:
        """Reads video files, or folders of images: whichever the lists name."""
        if not self._contents:
            self._content(next(iter(self.splits), "train"))
        is_file = next(iter(self._contents.values())).kind == FILE
        return VIDEO_FILES if is_file else self._frame_folders

    @property
    def digest(self) -> str:
        """SHA-256 of the lists, `labels.txt`, and any `background.txt` and `rate.txt`.

        The list for testing counts only where there are no others.
        """
        digest = hashlib.sha256()
        splits = self.splits
        if splits[:2] == _DIGESTED_SPLITS:
            splits = _DIGESTED_SPLITS
        else:  # the names of the splits tell apart a list for training and the same for validation
            digest.update("\0".join((*splits, "")).encode())

        paths = [self._list_file(split) for split in splits]
        paths += [self._labels_file] if self._labels_file else []
        paths += [self._tree.path(BACKGROUND_FILE)] if self.background is not None else []
        paths += filter(os.path.isfile, [self._tree.path(RATE_FILE)])

        for path in paths:
            rule = f"must be a folder with {os.path.basename(path)}"
            digest.update(read_bytes(path, "data", rule))
            digest.update(b"\0")

        return digest.hexdigest()

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of `train`, `val` and `test` that have a list."""
        return tuple(split for split in SPLITS if os.path.exists(self._list_file(split)))

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split's list, in its order; see `ListReader.read`."""
        return self._content(split).videos

    def place(self, split: str, video: Video) -> str:
        """Returns the list and the line of a video, such as `data/train.txt:3`."""
        path = self._list_file(split)
        numbers = "" if video.num_frames == UNKNOWN_FRAMES else str(video.num_frames)
        for number, line in enumerate(read_lines(path), 1):
            if video.name in line.replace("\\", "/") and numbers in line:
                return f"{path}:{number}"
        return path

    def describe(self, split: str) -> str:
        """Returns what a split was taken for, for people."""
        content = self._content(split)
        kind = "video files" if content.kind == FILE else f"folders of images ({self.fps:g} fps)"
        return f"{os.path.basename(self._list_file(split))}: {kind}, {content.form}"

    @property
    def names_from(self) -> str:
        """Where the class names are from, for people."""
        if self._labels_file:
            return os.path.basename(self._labels_file)
        return f"no {LABELS_FILE}: numbers are used as class names"

    def _content(self, split) -> ListContent:
        if split not in self._contents:
            content = self._read(split, len(self.labels))
            self._check_kind(split, content)
            self._contents[split] = content
        return self._contents[split]

    def _read(self, split, num_classes) -> ListContent:
        path = self._list_file(split)
        if not os.path.lexists(path):
            rule = f"must be a folder with {os.path.basename(path)}"
            if has_class_folders(self._tree):
                rule += ", or have a folder per class and be read with --val_share"
            raise MissingFile("data", rule, self._tree.root)
        self._tree.check_inside(path)
        prefixes = [prefix.format(split) for prefix in _PREFIXES]
        reader = ListReader(path, self._tree, num_classes, prefixes, self.fps)

        if path.lower().endswith(".json"):
            content = list_json.read(path, reader)
        else:
            content = reader.read(read_lines(path))
        self._tree.forget()
        return content

    def _check_kind(self, split, content):
        for other, known in self._contents.items():
            if known.kind != content.kind:
                rule = f"must list either video files or folders of images; {other} lists others"
                raise InputError("data", rule, split)

    def _list_file(self, split):
        return find_list(self._tree, split) or self._tree.path(f"{split}.txt")

    def _numbers(self) -> tuple[str, ...]:
        """Returns the numbers of the classes as their names, for lists without names."""
        for split in self.splits:
            self._contents[split] = self._read(split, None)
        videos = [video for content in self._contents.values() for video in content.videos]
        largest = max((max(video.classes, default=video.label) for video in videos), default=-1)
        if largest < 0:
            rule = f"must be a folder with {LABELS_FILE}, or lists with classes"
            raise InputError("data", rule, self._tree.root)
        return tuple(map(str, range(largest + 1)))


def find_list(tree: FolderTree, split: str) -> str | None:
    """Returns the path of a split's list; None if there is none.

    `<split>.txt` comes first. Without it, one file with a published name may stand for it. Lists
    of optical flow are passed over where there are others.

    Raises:
        InputError: there are several.
    """
    exact = f"{split}.txt"
    if os.path.lexists(tree.path(exact)):
        return tree.path(exact)
    names = [name for name in lists_in(tree) if find_split(_word(name)) == split]
    names = [name for name in names if "flow" not in name.lower()] or names
    if len(names) > 1:
        rule = f"must have one list of the split {split}; rename the one to use to {exact}"
        raise InputError("data", rule, names)
    return tree.path(names[0]) if names else None


def lists_in(tree: FolderTree) -> Sequence[str]:
    """Returns the names of the files that may be the list of a split, in order."""
    entries = tree.entries(tree.root)
    return sorted(name for name in entries if find_split(_word(name)))


def _word(name):
    """Returns the word in the name of a list that may be a split's."""
    match = _LIST.fullmatch(name)
    return match[1] if match else ""
