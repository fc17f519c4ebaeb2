"""Packs an unsigned APK reproducibly: `pack_apk.py OUTPUT RESOURCES_APK NAME=FILE ...`.

Entries are sorted and dated 1980, so that equal contents give equal bytes. Models and resources are
stored and aligned to 4 bytes, because the system maps them into memory. Native libraries are
compressed, because the system extracts them on installation.
"""

import pathlib
import sys
import zipfile

_ALIGNMENT = 4
_ALIGNMENT_FIELD = 0xD935  # Android's identifier for an extra field in a ZIP file
_STORED = (".tflite", ".arsc", ".png")


def pack(output: str, resources: str, files: dict[str, str]) -> None:
    """Writes the entries of a linked resource APK, and `files`, a map from names to paths."""
    with zipfile.ZipFile(resources) as linked:
        contents = {name: linked.read(name) for name in linked.namelist()}
    contents |= {name: pathlib.Path(path).read_bytes() for name, path in files.items()}

    with zipfile.ZipFile(output, "w") as apk:
        for name in sorted(contents):
            info = zipfile.ZipInfo(name)  # dated 1980
            if name.endswith(_STORED):
                info.extra = _padding(apk.fp.tell() + zipfile.sizeFileHeader + len(name.encode()))
            else:
                info.compress_type = zipfile.ZIP_DEFLATED
            apk.writestr(info, contents[name])


def _padding(position):
    """Returns the extra field that moves content at `position` to a multiple of the alignment."""
    fixed = 6  # identifier, size, and the alignment itself
    zeros = -(position + fixed) % _ALIGNMENT
    fields = (_ALIGNMENT_FIELD, 2 + zeros, _ALIGNMENT)
    return b"".join(field.to_bytes(2, "little") for field in fields) + bytes(zeros)


if __name__ == "__main__":
    pack(sys.argv[1], sys.argv[2], dict(entry.split("=", 1) for entry in sys.argv[3:]))
