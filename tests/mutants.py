"""Damaged and hostile variants of a model file.

`random_mutant` changes bytes anywhere. `directed_mutants` changes one field of the schema:
every scalar, vector, string and table of every kind of table, and every offset and length in the
flatbuffer itself. Most files get a valid checksum again (`seal`), so that they reach the verifier.
"""

import contextlib
import itertools
import struct
from collections.abc import Iterator

import flatbuffers
import numpy as np

from export.format.flatbuffer import Damaged, Table
from export.format.metadata import NAME, STREAM_NAME, seal
from export.format.operators import operator_name

NUMBERS = (
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    12,
    24,
    127,
    128,
    255,
    1000,
    2**16,
    2**20,
    2**30,
    2**31 - 1,
    -1,
    -2,
    -8,
    -(2**31),
)
SCALES = (0.0, -1.0, 1e-38, 1e-10, 1e10, 3e38, np.inf, -np.inf, np.nan)


def truncated(rng, data):
    return data[: rng.choice([0, 3, 7, 8, 9, *rng.integers(0, len(data), 3)])]


def flipped(rng, data):
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        data[at] ^= 1 << rng.integers(8)
    return data


def structure(rng, data):
    """Changes bytes anywhere except in weights."""
    is_free = np.ones(len(data), bool)
    for buffer in Table.root(memoryview(data)).tables(4):
        values = buffer.array(0)
        if values.size > 256:
            start = values.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data
            is_free[start : start + values.size] = False
    for at in rng.choice(np.flatnonzero(is_free)[:-4], rng.integers(1, 4)):
        if rng.random() < 0.5:
            data[at] = rng.integers(256)
        else:
            struct.pack_into("<i", data, at // 4 * 4, rng.choice(NUMBERS))
    return data


def schema(rng, data):
    """Other kinds of files, and other versions of this one."""
    other = (
        b"PK\3\4",
        b"\x89PNG\r\n\x1a\n",
        b'{"a": 1}',
        b"\0" * 8,
        b"\xff" * 8,
        b"\x1c\0\0\0TFL3",
    )
    kind = rng.integers(4)
    if kind == 0:
        return other[rng.integers(len(other))] + rng.bytes(rng.integers(1, 4096))
    if kind == 1:
        data[4:8] = rng.choice([b"TFL2", b"TFL4", b"M001"])
    elif kind == 2:
        struct.pack_into("<I", data, 0, rng.choice([0, 1, 4, 8, len(data), 2**31, 2**32 - 1]))
    else:
        put(Table.root(memoryview(data)), 0, "I", rng.choice([0, 1, 2, 4, 2**32 - 1]))
    return data


def dimensions(rng, data):
    for tensor in pick(rng, graph_of(data).tables(0), rng.integers(1, 3)):
        if shape := tensor.array(0, "<i4").size:
            tensor.array(0, "<i4")[rng.integers(shape)] = rng.choice(NUMBERS)
    return data


def tensors(rng, data):
    """Types, buffers, and quantisation."""
    (tensor,) = pick(rng, graph_of(data).tables(0), 1)
    quantization = tensor.table(4)
    kind = rng.integers(5)
    if kind == 0:
        put(tensor, 1, "B", rng.integers(20))
    elif kind == 1:
        put(tensor, 2, "I", rng.choice([0, 1, 5, 1000, 2**31, 2**32 - 1]))
    elif quantization and kind == 2:
        overwrite(rng, quantization.array(2, "<f4"), SCALES)
    elif quantization and kind == 3:
        overwrite(rng, quantization.array(3, "<i8"), NUMBERS)
    elif quantization:
        put(quantization, 6, "i", rng.choice(NUMBERS))
    return data


def operators(rng, data):
    """Inputs, outputs, kinds and options of operators."""
    (operator,) = pick(rng, graph_of(data).tables(3), 1)
    kind, count = rng.integers(5), len(graph_of(data).tables(0))
    if kind < 2:
        overwrite(rng, operator.array(1 + kind, "<i4"), (*NUMBERS, *rng.integers(0, count, 20)))
    elif kind == 4:  # another number of them
        vector = operator.array(rng.integers(1, 3), "<i4")
        if vector.size:
            start = vector.ctypes.data - np.frombuffer(data, np.uint8).ctypes.data
            struct.pack_into("<I", data, start - 4, rng.integers(vector.size))
    elif kind == 2:
        put(operator, rng.choice([0, 3]), "B", rng.integers(40))
    elif options := operator.table(4):
        for field in range(12):
            if rng.random() < 0.5:
                code = rng.choice(["b", "i"])
                put(
                    options,
                    field,
                    code,
                    rng.integers(-8, 9) if code == "b" else rng.choice(NUMBERS),
                )
    return data


def constants(rng, data):
    """Axes, sizes, paddings: small constants that kernels use as numbers."""
    small = [
        b
        for b in Table.root(memoryview(data)).tables(4)
        if 0 < b.array(0).size <= 64 and b.array(0).size % 4 == 0
    ]
    for buffer in pick(rng, small, rng.integers(1, 3)):
        overwrite(rng, buffer.array(0).view("<i4"), NUMBERS)
    return data


def interface(rng, data):
    """Inputs and outputs of the graph and of the signature."""
    root = Table.root(memoryview(data))
    kind = rng.integers(3)
    if kind < 2:
        overwrite(rng, graph_of(data).array(1 + kind, "<i4"), NUMBERS)
    else:
        (entry,) = pick(rng, root.tables(7)[0].tables(rng.integers(2)), 1)
        put(entry, 1, "I", rng.choice([0, 1, 2, 50, 1000, 2**31, 2**32 - 1]))
    return data


def metadata(rng, data):
    """Malicious and wrong values instead of the spec."""
    kind = rng.integers(10)
    name = NAME if kind < 8 else STREAM_NAME
    spec = next(e for e in Table.root(memoryview(data)).tables(6) if e.text(0) == name)
    buffer = Table.root(memoryview(data)).tables(4)[spec.number(1, "I")]
    text = buffer.array(0).tobytes()
    if kind == 0:
        return with_vector(data, buffer, 0, b"[" * 200_000)
    if kind == 1:
        return with_vector(data, buffer, 0, b'{"fps": 1' + b"0" * 100_000 + b"}")
    if kind == 2:
        return with_vector(
            data, buffer, 0, b'{"labels": [' + b'"x",' * 500_000 + b'"x"], "num_classes": 500001}'
        )
    if kind == 3:
        size = b'"input_size": %d' % rng.choice([33, 64, 10**9])
        return with_vector(data, buffer, 0, text.replace(b'"input_size": 32', size))
    if kind == 4:
        labels = b'"labels": ["../../etc/passwd", "/dev/zero", "b", "c"],'
        return with_vector(
            data, buffer, 0, text.replace(b'"num_classes"', labels + b' "num_classes"', 1)
        )
    if kind == 5:
        return with_vector(data, buffer, 0, rng.bytes(rng.integers(1, 5000)))
    if kind > 7:
        starts = (b"200", b"-129", b"1e9", b"NaN", b'"x"', b"[1]", b"true", b"9" * 400)
        start = starts[rng.integers(len(starts))]
        return with_vector(data, buffer, 0, b'{"start": {"shift_00": %s, "shift_99": 1}}' % start)
    field = rng.choice([1, 2, 4, 6, 7])  # a vector with a million times the same table
    return with_same_tables(data, field, rng.choice([1000, 90_000, 1_000_000]))


def graph_of(data):
    return Table.root(memoryview(data)).tables(2)[0]


def pick(rng, tables, count):
    return [tables[index] for index in rng.integers(0, len(tables), count)]


def overwrite(rng, array, values):
    if array.size:
        with np.errstate(all="ignore"):
            array[rng.integers(array.size)] = np.asarray(values[rng.integers(len(values))]).astype(
                array.dtype
            )


def put(table, field, code, value):
    at = table._at(field)
    if at:
        width = 8 * struct.calcsize(code)
        table.data[at : at + width // 8] = (int(value) % 2**width).to_bytes(width // 8, "little")


def with_vector(data, table, field, content):
    """Returns the file with another vector of bytes, appended to it, in a table's field."""
    at, end = table._at(field), -(-len(data) // 16) * 16
    vector = struct.pack("<I", len(content)) + content + b"\0"
    return patched(data, at, struct.pack("<I", end - at)) + bytes(end - len(data)) + vector


def with_same_tables(data, field, count):
    """Returns the file with a vector of `count` times the same table in a field of its root."""
    root = Table.root(memoryview(data))
    table = root.tables(field)[0]
    size = struct.unpack_from(
        "<H", data, table.position - struct.unpack_from("<i", data, table.position)[0] + 2
    )[0]
    at, end = root._at(field), -(-len(data) // 16) * 16
    place = end + 4 + 4 * count  # a copy of the table: only the offset to a vtable may be negative
    vtable = table.position - struct.unpack_from("<i", data, table.position)[0]
    copy = struct.pack("<i", place - vtable) + bytes(
        data[table.position + 4 : table.position + size]
    )
    offsets = (place - (end + 4 + 4 * np.arange(count, dtype="<u4"))).astype("<u4").tobytes()
    tail = struct.pack("<I", count) + offsets + copy
    return patched(data, at, struct.pack("<I", end - at)) + bytes(end - len(data)) + tail


def patched(data, at, content):
    return bytes(data[:at]) + content + bytes(data[at + len(content) :])


KINDS = (
    truncated,
    flipped,
    structure,
    schema,
    dimensions,
    tensors,
    operators,
    constants,
    interface,
    metadata,
)


def random_mutant(rng: np.random.Generator, content: bytes, kind) -> bytes:
    """Returns a mutation, in three of four cases with a valid checksum."""
    data = bytes(kind(rng, bytearray(content)))
    return sealed(data) if rng.random() < 0.75 else data


def sealed(data: bytes) -> bytes:
    """Returns the file with a valid checksum, if it is whole enough to have one."""
    with contextlib.suppress(Damaged, KeyError):
        return seal(data)
    return data


_NUM_VALUES = 3  # of each field; other instances, models and seeds have other values
INTEGERS = (0, 1, 2, 5, 127, 255, 4097, 2**20, 2**31 - 1, -1, -8, -(2**31))
TEXTS = (b"", b"RELU", b"\xff\xfe", b"x" * 70_000)
ABSENT = {
    # fields that the exporter never writes: a value
    "customCode": b"RELU",
    "customOptions": np.zeros(8, np.uint8),
    "details": None,
    "intermediates": np.zeros(1, np.int32),
    "max": np.ones(1, np.float32),
    "metadataBuffer": np.zeros(1, np.int32),
    "min": np.zeros(1, np.float32),
    "mutatingVariableInputs": [True],
    "scale": np.ones(1, np.float32),
    "shapeSignature": np.full(4, -1, np.int32),
    "zeroPoint": np.zeros(1, np.int64),
}


def directed_mutants(
    rng: np.random.Generator,
    content: bytes,
    instances: int,
    every: int = 1,
) -> Iterator[tuple[str, bytes]]:
    """Yields one changed file per field and value: what was changed, and the bytes.

    Args:
        rng: chooses the instances.
        content: a good file.
        instances: how many objects of the same kind are changed, such as strides of convolutions.
        every: with 40, only every 40th change is made.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    slots, number = {}, itertools.count()
    for kind, owner, field in _slots(model, model, "Model"):
        slots.setdefault(f"{kind}.{field}", []).append((owner, field))

    for kind, places in sorted(slots.items()):
        for place in rng.permutation(len(places))[:instances]:
            owner, field = places[place]
            old = getattr(owner, field)
            values = list(_values(rng, schema, field, old))
            for choice in rng.permutation(len(values))[:_NUM_VALUES]:
                if next(number) % every:
                    continue
                value = values[choice]
                setattr(owner, field, value)
                with contextlib.suppress(Exception):  # a value that the field cannot hold
                    yield kind, sealed(_pack(model))
            setattr(owner, field, old)

    yield from itertools.islice(_layout_mutants(rng, content, instances), 0, None, every)


def _pack(model):
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def repacked(content: bytes) -> bytes:
    """Returns the same model in the layout of `directed_mutants`."""
    from ai_edge_litert import schema_py_generated as schema

    return sealed(_pack(schema.ModelT.InitFromPackedBuf(bytearray(content), 0)))


def _slots(model, owner, kind):
    """Yields the kind of each object in a tree of the schema's objects, the object, and a field."""
    for field, value in list(vars(owner).items()):
        yield kind, owner, field
        children = value if isinstance(value, list) else [value]
        for child in children:
            if hasattr(child, "Pack"):
                name = type(child).__name__.removesuffix("T")
                if name == "Operator":
                    code = model.operatorCodes[child.opcodeIndex]
                    number = max(code.builtinCode, code.deprecatedBuiltinCode)
                    name = f"Operator {operator_name(number)}"
                if name == "Tensor":
                    name += (
                        f" {child.type} {'constant' if len(_data(model, child)) else 'computed'}"
                    )
                if name == "Buffer":
                    name += f" of {min(len(_list(child.data)), 17)} bytes"
                if name.startswith(("Quant", "ReducerOp", "Pool2D")):
                    name = f"{kind} {name}"
                yield from _slots(model, child, name)


def _data(model, tensor):
    return _list(model.buffers[tensor.buffer].data)


def _list(values):
    return () if values is None else values


def _values(rng, schema, field, old):
    """Yields other values of a field."""
    if old is None:
        yield from _new_values(schema, field)
    elif isinstance(old, (bool, np.bool_)):
        yield not old
    elif isinstance(old, (int, np.integer)):
        yield from ({*INTEGERS, int(old) + 1, int(old) - 1} - {int(old)})
    elif isinstance(old, (float, np.floating)):
        yield from SCALES
    elif isinstance(old, (bytes, str)):
        yield from TEXTS
    elif isinstance(old, (list, np.ndarray)):
        yield from _vectors(rng, field, old)
    else:
        yield None


def _new_values(schema, field):
    if field == "sparsity":
        sparsity = schema.SparsityParametersT()
        sparsity.traversalOrder = np.arange(4, dtype=np.int32)
        sparsity.blockMap = np.zeros(1, np.int32)
        sparsity.dimMetadata = [schema.DimensionMetadataT() for _ in range(4)]
        yield sparsity
    elif field == "variantTensors":
        yield [schema.VariantSubTypeT()]
    elif field == "builtinOptions":
        yield schema.Conv2DOptionsT()
    elif ABSENT.get(field) is not None:
        yield ABSENT[field]


def _vectors(rng, field, old):
    yield old[:0]
    yield old[:-1]
    if isinstance(old, list):
        yield [*old, *old[-1:]]
        return
    yield np.concatenate([old, old[-1:]])

    if field == "data" and 0 < old.size <= 64 and old.size % 4 == 0:
        numbers = old.view("<i4")
    elif field == "data":
        return
    else:
        numbers = old
    for position in {0, numbers.size - 1, int(rng.integers(max(numbers.size, 1)))}:
        if not 0 <= position < numbers.size:
            continue
        values = SCALES if numbers.dtype.kind == "f" else INTEGERS
        for value in (*values, numbers[position] + 1, numbers[position] - 1):
            changed = numbers.copy()
            with np.errstate(all="ignore"):
                changed[position] = np.asarray(value).astype(numbers.dtype)
            if changed[position] != numbers[position]:
                yield changed.view(old.dtype)


def _layout_mutants(rng, content, instances):
    """Changes the numbers that hold a flatbuffer together: offsets, lengths, and vtables."""
    places = {}
    for kind, at, code in _layout(memoryview(content)):
        places.setdefault(kind, []).append((at, code))

    for kind, found in sorted(places.items()):
        for place in rng.permutation(len(found))[:instances]:
            at, code = found[place]
            (old,) = struct.unpack_from(code, content, at)
            values = (0, 1, 4, 255, old + 1, old - 1, old + 4, old - 4, old * 2, 2**31 - 1, -1)
            for value in rng.choice(values, _NUM_VALUES, replace=False).tolist():
                data, size = bytearray(content), struct.calcsize(code)
                data[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
                yield kind, sealed(bytes(data))


_CHILDREN = {
    # kind: the fields that hold vectors of tables, tables, vectors of numbers, and texts
    "Model": (
        {1: "OperatorCode", 2: "SubGraph", 4: "Buffer", 6: "Metadata", 7: "Signature"},
        {},
        (),
        (3,),
    ),
    "OperatorCode": ({}, {}, (), (1,)),
    "SubGraph": ({0: "Tensor", 3: "Operator"}, {}, (1, 2), (4,)),
    "Tensor": ({}, {4: "Quantization"}, (0,), (3,)),
    "Quantization": ({}, {}, (2, 3), ()),
    "Operator": ({}, {4: "Options"}, (1, 2), ()),
    "Buffer": ({}, {}, (0,), ()),
    "Metadata": ({}, {}, (), (0,)),
    "Signature": ({0: "Entry", 1: "Entry"}, {}, (), (2,)),
    "Entry": ({}, {}, (), (0,)),
    "Options": ({}, {}, (), ()),
}


def _layout(data, table=None, kind="Model"):
    """Yields kinds, positions and formats of the offsets, lengths and vtable entries."""
    if table is None:
        yield "root", 0, "<I"
        table = Table.root(data)
    vtable = table.position - struct.unpack_from("<i", data, table.position)[0]
    yield f"{kind} vtable", table.position, "<i"
    for at in range(vtable, vtable + struct.unpack_from("<H", data, vtable)[0], 2):
        yield f"{kind} vtable entry {(at - vtable) // 2}", at, "<H"

    vectors, tables, numbers, texts = _CHILDREN[kind]
    for field in (*vectors, *tables, *numbers, *texts):
        at = table._at(field)
        if at:
            yield f"{kind} offset {field}", at, "<I"
            if field not in tables:
                yield f"{kind} length {field}", table._follow(at), "<I"
    for field, child in vectors.items():
        start = table._follow(table._at(field)) if table._at(field) else 0
        for i, element in enumerate(table.tables(field)):
            yield f"{child} element", start + 4 + 4 * i, "<I"
            yield from _layout(data, element, child)
    for field, child in tables.items():
        element = table.table(field)
        if element:
            yield from _layout(data, element, child)
