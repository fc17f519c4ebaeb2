import struct

import flatbuffers
import numpy as np
import pytest

from export.format.flatbuffer import Damaged, Table


@pytest.fixture
def data():
    """A root with a number (0), a text (1), a vector of int32 (2), a table (3) and tables (4)."""
    builder = flatbuffers.Builder()
    children = []
    for value in (7, 9):
        builder.StartObject(1)
        builder.PrependInt16Slot(0, value, 0)
        children.append(builder.EndObject())
    builder.StartVector(4, 2, 4)
    for child in reversed(children):
        builder.PrependUOffsetTRelative(child)
    tables = builder.EndVector()
    text, numbers = builder.CreateString("ü"), builder.CreateNumpyVector(np.array([3, -4], "<i4"))

    builder.StartObject(6)
    builder.PrependInt32Slot(0, -5, 0)
    for slot, offset in ((1, text), (2, numbers), (3, children[0]), (4, tables)):
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.Finish(builder.EndObject())
    return bytearray(builder.Output())


def root(data):
    return Table.root(memoryview(data))


def test_reads_every_kind_of_field(data):
    table = root(data)
    assert table.number(0, "i") == -5 and table.text(1) == "ü"
    assert table.array(2, "<i4").tolist() == [3, -4]
    assert table.table(3).number(0, "h") == 7
    assert [child.number(0, "h") for child in table.tables(4)] == [7, 9]


def test_absent_fields_have_defaults(data):
    table = root(data)
    for field in (5, 99):
        assert table.number(field, "i", 12) == 12 and table.text(field) == ""
        assert table.array(field).size == 0 and table.tables(field) == []
        assert table.table(field) is None


def vector_at(data, field):
    at = root(data)._at(field)
    return at + struct.unpack_from("<I", data, at)[0]


@pytest.mark.parametrize(
    "field, count, read, message",
    [
        (2, 2**31, lambda t: t.array(2, "<i4"), "ends outside the file"),
        (4, 100_001, lambda t: t.tables(4), "ends outside the file"),
        (1, 1, lambda t: t.text(1), "a text without an end"),
    ],
)
def test_vectors_that_are_too_long(data, field, count, read, message):
    struct.pack_into("<I", data, vector_at(data, field), count)
    with pytest.raises(Damaged, match=message):
        read(root(data))


def test_more_tables_than_any_model_has(data):
    struct.pack_into("<I", data, vector_at(data, 4), 100_001)
    with pytest.raises(Damaged, match="a vector of 100001 tables"):
        root(data + bytes(4 * 100_001)).tables(4)


def test_text_that_is_not_utf8(data):
    data[vector_at(data, 1) + 4] = 0xFF
    with pytest.raises(Damaged, match="not UTF-8"):
        root(data).text(1)


def test_vector_that_is_not_aligned(data):
    at = root(data)._at(2)
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + 1)
    with pytest.raises(Damaged, match="not aligned"):
        root(data).array(2, "<i4")


def test_eight_bytes_that_are_not_aligned():
    """The length of a vector is aligned to four bytes, but its numbers need eight."""
    builder = flatbuffers.Builder()
    numbers = builder.CreateNumpyVector(np.array([5], "<i8"))
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, numbers, 0)
    builder.Finish(builder.EndObject())
    data = bytes(builder.Output())
    assert root(data).array(0, "<i8").tolist() == [5]

    (offset,) = struct.unpack_from("<I", data)
    with pytest.raises(Damaged, match="a vector that is not aligned"):
        root(struct.pack("<II", offset + 4, 0) + data[4:]).array(0, "<i8")


@pytest.mark.parametrize("offset", [2**31 - 4, 2**32 - 4])
def test_offsets_that_leave_the_file(data, offset):
    struct.pack_into("<I", data, root(data)._at(3), offset)
    with pytest.raises(Damaged, match="behind the end"):
        root(data).table(3)


def test_shared_vectors_are_an_error():
    """A file of 0.8 MB whose 100,000 tables share one vector: its copies would take 40 GB."""
    builder = flatbuffers.Builder()
    numbers = builder.CreateNumpyVector(np.arange(100_000, dtype="<i4"))
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, numbers, 0)
    child = builder.EndObject()
    builder.StartVector(4, 100_000, 4)
    for _ in range(100_000):
        builder.PrependUOffsetTRelative(child)
    tables = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, tables, 0)
    builder.Finish(builder.EndObject())

    shared = root(bytearray(builder.Output())).tables(0)
    assert len(shared) == 100_000 and shared[0].array(0, "<i4").tolist() == list(range(100_000))
    with pytest.raises(Damaged, match="vectors that overlap"):
        for table in shared:
            table.array(0, "<i4")
