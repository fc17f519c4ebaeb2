"""Says what a file is that should hold weights and does not, and what to do about it."""

import pathlib
import zipfile

from tsm_tf.errors import InputError

_LENGTH = 600  # bytes that are looked at; a tar archive has its mark at 257

_LFS = "is a Git LFS pointer, not the file itself: run `git lfs pull` where it comes from"
_WEB_PAGE = "is a web page, not weights: download the file itself, such as its raw link"
_ARCHIVE = "is a compressed archive: unpack it first"
_TRUNCATED = "is a truncated or damaged ZIP file: download or copy it again"

_BEGINNINGS = (
    # first bytes, without leading spaces and in lower case: what such a file is
    (b"version https://git-lfs", _LFS),
    (b"<!doctype html", _WEB_PAGE),
    (b"<html", _WEB_PAGE),
    (b"<?xml", "is XML, probably an error message of a server: download the file itself"),
    (b"\x1f\x8b", _ARCHIVE),
    (b"bzh", _ARCHIVE),
    (b"\xfd7zxz", _ARCHIVE),
    (b"7z\xbc\xaf", _ARCHIVE),
    (b"rar!", _ARCHIVE),
)
_PICKLE = "is a pickle or a PyTorch file: convert it with python -m tsm_tf.weights"
_TORCH = (".pth", ".pth.tar", ".pt", ".pyth", ".ckpt")
_FOREIGN = {
    # what a file begins with: suffixes of readers that take it, and what to do otherwise
    b"\x89HDF\r\n\x1a\n": ((".h5",), "is an HDF5 file: give it the suffix .h5"),
    b"PK\x03\x04": (
        (".keras", ".npz", *_TORCH),
        "is a ZIP file, such as those of PyTorch (.pth), Keras 3 (.keras) and numpy (.npz): "
        "give it its own suffix",
    ),
    b"\x80\x02": (_TORCH, _PICKLE),
    b"\x80\x04": (_TORCH, _PICKLE),
}


def check_content(path: pathlib.Path, argument: str) -> None:
    """Raises if the first bytes of a file are not those of the weights that its suffix promises.

    Raises:
        InputError: what the file is, and what to do.
    """
    what = _describe(path)
    if what is not None:
        raise InputError(argument, f"must be a file with weights; this one {what}", str(path))


def _describe(path: pathlib.Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(_LENGTH)
    if not head:
        return "is empty: download or copy it again"
    if not head.strip(b"\0"):
        return "begins with zeros only, like an interrupted download: download it again"

    text = head.lstrip().lower()
    for beginning, what in _BEGINNINGS:
        if text.startswith(beginning):
            return what
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    for beginning, (suffixes, what) in _FOREIGN.items():
        if head.startswith(beginning) and not path.name.endswith(suffixes):
            return what
    if head.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):
        return _TRUNCATED
    return None
