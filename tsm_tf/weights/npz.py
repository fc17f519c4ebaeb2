"""Reads `.npz` files of strangers: sizes are checked before anything is allocated."""

import math
import pathlib
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy

from tsm_tf.errors import InputError, one_line
from tsm_tf.weights.archives import open_zip

_SUFFIX = ".npy"


def read_npz(path: pathlib.Path, argument: str) -> dict[str, np.ndarray]:
    """Reads arrays by name; no objects are unpickled.

    Raises:
        InputError: a damaged file, arrays of objects, or more data than the file can hold.
    """
    try:
        with open_zip(path, argument) as archive:
            return {
                member.filename.removesuffix(_SUFFIX): _read_array(archive, member)
                for member in archive.infolist()
            }
    except InputError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds for damaged files
        rule = f"must be an undamaged .npz file of numbers ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    """Reads one array, after comparing the size in its header with that in the archive."""
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        shape, _, dtype = read_header[version](file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f"{member.filename} has another size than its header says")
    with archive.open(member) as file:
        return npy.read_array(file, allow_pickle=False)
