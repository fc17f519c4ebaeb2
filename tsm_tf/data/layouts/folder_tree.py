"""Looks up paths in a data folder, quickly, and keeps out of everything else.

A list may name a million files, and one `stat` per file takes long on network file systems. So
each folder is read once, and links are followed only where the folder has links.
"""

import json
import os
import stat

from tsm_tf.data.sources.frame_names import is_inside
from tsm_tf.data.text_file import read_text
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError

FILE, FOLDER, OTHER, MISSING, OUTSIDE = "file", "folder", "other", "missing", "outside"

REPORT_FILE = "report.json"
"""What `tsm_tf.data.prepare` writes beside its lists, which name videos in another folder."""


class FolderTree:
    """The files and folders of a data folder.

    Args:
        data: the folder; relative to the current one unless absolute.
        allow_outside: whether paths and links may lead out of the folder.

    Attributes:
        roots: real paths of the folders that may be read; empty if all may be.
    """

    def __init__(self, data: str, allow_outside: bool = False):
        self.root = data.rstrip("/") if is_uri(data) else os.path.join(os.getcwd(), data)
        self.root = self.root.rstrip("/") or "/"
        self.roots: tuple[str, ...] = ()
        if not allow_outside:
            self.roots = (os.path.realpath(self.root), *_prepared_from(self.root))
        self._folders: dict[str, dict[str, str]] = {}

    def path(self, name: str) -> str:
        """Returns where a name in a list leads: absolute paths and URIs stay as they are."""
        may_be_absolute = name[:1] in "/\\" or ":" in name  # faster than the test itself
        if may_be_absolute and (os.path.isabs(name) or is_uri(name)):
            return name
        return f"{self.root}/{name}"

    def kind(self, path: str) -> str:
        """Returns what is at a path: `FILE`, `FOLDER`, `OTHER`, `MISSING` or `OUTSIDE`.

        Nothing outside of the folder is looked at. URIs are outside, or files if that is allowed.
        """
        folder, _, name = path.rpartition("/")
        names = self._folders.get(folder)
        if names is None:
            names = self._read(folder or "/")
        return names.get(name) or self._look(path)

    def entries(self, folder: str) -> dict[str, str]:
        """Returns the names in a folder, and the kind of each; empty if there is no such folder.

        Raises:
            InputError: the folder cannot be read.
        """
        return self._read(folder, is_needed=True)

    def forget(self) -> None:
        """Frees the names of the folders that were read."""
        self._folders.clear()

    def check_inside(self, path: str) -> None:
        """Raises if a file of the data folder is a link that leaves it.

        Raises:
            InputError: names the link.
        """
        if not is_uri(path) and self._is_outside(path):
            rule = f"must not have links that leave it, without --allow_outside; see {path}"
            raise InputError("data", rule, os.path.realpath(path))

    def _is_outside(self, path):
        return bool(self.roots) and not is_inside(path, self.roots)

    def _read(self, folder, is_needed=False) -> dict[str, str]:
        """Reads a folder, unless it was read before; one that is needed must be readable."""
        if folder not in self._folders:
            try:
                found = {} if is_uri(folder) or self._is_outside(folder) else self._scan(folder)
            except (FileNotFoundError, NotADirectoryError, ValueError):
                found = {}
            except OSError as error:
                if is_needed:
                    rule = f"must be a folder that can be read ({error.strerror})"
                    raise InputError("data", rule, folder) from None
                found = {}  # `_look` finds out more
            self._folders[folder] = found
        return self._folders[folder]

    def _scan(self, folder):
        found = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                is_plain = entry.is_file(follow_symlinks=False)
                found[entry.name] = FILE if is_plain else self._kind_of(entry)
        return found

    def _kind_of(self, entry):
        try:
            if entry.is_symlink() and self._is_outside(entry.path):
                return OUTSIDE
            if entry.is_file():
                return FILE
            if entry.is_symlink() and not os.path.exists(entry.path):
                return MISSING
            return FOLDER if entry.is_dir() else OTHER
        except OSError:  # a loop of links
            return MISSING

    def _look(self, path):
        """Looks at one path: folders may be unreadable, and systems may ignore case."""
        if is_uri(path):
            return OUTSIDE if self.roots else FILE
        try:
            if self._is_outside(path):
                return OUTSIDE
            mode = os.stat(path).st_mode
        except (OSError, ValueError):
            return MISSING
        if stat.S_ISREG(mode):
            return FILE
        return FOLDER if stat.S_ISDIR(mode) else OTHER


def _prepared_from(folder: str) -> tuple[str, ...]:
    """Returns the folder of the videos if `tsm_tf.data.prepare` wrote the lists in this one.

    The report has the device and the inode of the folder that it was written to. A copy of it, or
    a downloaded one, has others.
    """
    try:
        status = os.stat(folder)
        report = json.loads(read_text(os.path.join(folder, REPORT_FILE), "data", "must be JSON"))
        is_original = (report["st_dev"], report["st_ino"]) == (status.st_dev, status.st_ino)
        if is_original and os.path.isabs(report["source"]):
            return (os.path.realpath(report["source"]),)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # no report, or that of another folder
    return ()
