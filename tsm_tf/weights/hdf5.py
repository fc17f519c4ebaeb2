"""Checks HDF5 files with weights before Keras reads them: plain data sets inside the file only."""

import math
import pathlib
from typing import Any

import h5py

from tsm_tf.errors import InputError, one_line
from tsm_tf.models.keras_json import MAX_WEIGHTS
from tsm_tf.weights.archives import check_size
from tsm_tf.weights.file_kinds import check_content

_MAX_OBJECTS = 50_000
_MAX_DEPTH = 32
_MAX_ATTRIBUTE = 16 << 20
_SPARE = 1 << 20  # weights that a model may have beside those in the file
_NUMBERS = "fiub"
_FILTERS = frozenset({1, 2, 3})  # gzip, shuffle, checksum: the others load libraries
_BFLOAT16 = ("V", 2)  # kind and size, as Keras stores it


def check_weights_file(path: pathlib.Path, argument: str) -> int:
    """Checks an HDF5 file without reading its data sets.

    Returns:
        A number of weights that no model of this file exceeds.

    Raises:
        InputError: not HDF5, or not plain: links other than to one object each, data outside the
            file, other types than numbers, other filters, or more data than the file can hold.
    """
    check_content(path, argument)
    try:
        with h5py.File(path, "r") as file:
            checker = _Checker(path, argument)
            checker.check_group(file, depth=0)
            return checker.elements + _SPARE
    except InputError:
        raise
    except Exception as error:  # HDF5 and h5py raise many kinds for damaged files
        rule = f"must be an undamaged HDF5 file: download or copy it again ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error


class _Checker:
    def __init__(self, path: pathlib.Path, argument: str):
        self.path, self.argument = path, argument
        self.file_size = path.stat().st_size
        self.objects: set[int] = set()
        self.elements = self.bytes = self.stored = 0

    def check_group(self, group: h5py.Group, depth: int) -> None:
        self._check_attributes(group)
        if depth > _MAX_DEPTH:
            self._refuse(f"nested at most {_MAX_DEPTH} deep", group.name)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                self._refuse("without soft and external links", f"{group.name}/{name}")
            child = group[name]
            self._check_new(child)
            if isinstance(child, h5py.Group):
                self.check_group(child, depth + 1)
            elif isinstance(child, h5py.Dataset):
                self._check_dataset(child)
            else:
                self._refuse("of groups and data sets only", child.name)

    def _check_new(self, child: Any):
        address = h5py.h5o.get_info(child.id).addr
        if address in self.objects or len(self.objects) >= _MAX_OBJECTS:
            self._refuse(f"with at most {_MAX_OBJECTS:,} objects, each linked once", child.name)
        self.objects.add(address)

    def _check_dataset(self, dataset: h5py.Dataset):
        self._check_attributes(dataset)
        if dataset.external or dataset.is_virtual:
            self._refuse("with all data inside the file", dataset.name)

        kind = (dataset.dtype.kind, dataset.dtype.itemsize)
        is_number = kind[0] in _NUMBERS and dataset.dtype.subdtype is None
        if dataset.shape is None or not (is_number or kind == _BFLOAT16):
            self._refuse("with data sets of numbers", f"{dataset.name}: {dataset.dtype}")

        properties = dataset.id.get_create_plist()
        filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
        if not filters <= _FILTERS:
            self._refuse("compressed with gzip or not at all", dataset.name)

        self._check_size(dataset)

    def _check_size(self, dataset: h5py.Dataset):
        """Adds up what the data sets take in memory and in the file."""
        elements = math.prod(dataset.shape)
        self.elements += elements
        self.bytes += elements * dataset.dtype.itemsize
        self.stored += dataset.id.get_storage_size()
        if self.elements > MAX_WEIGHTS:
            self._refuse(f"with at most {MAX_WEIGHTS:,} numbers", dataset.name)
        if self.stored > self.file_size:
            self._refuse("whose data do not overlap", dataset.name)
        check_size(self.bytes, self.path, self.argument)

    def _check_attributes(self, item: h5py.Group | h5py.Dataset):
        for name in item.attrs:
            attribute = item.attrs.get_id(name)
            if math.prod(attribute.shape) * attribute.dtype.itemsize > _MAX_ATTRIBUTE:
                self._refuse(f"with attributes of at most {_MAX_ATTRIBUTE:,} bytes", name)

    def _refuse(self, rule: str, received: str):
        rule = f"must be an HDF5 file {rule}"
        raise InputError(self.argument, rule, f"{received} in {self.path}")
