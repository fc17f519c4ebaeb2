"""Runs damaged and hostile model files through `StreamRunner`, each in a child process.

    python tests/mutations.py --count=2000

Allowed results are an `InputError`, a `RuntimeError` of the interpreter, or a run. A signal, a
hang or another exception is a failure, whose file is kept. Most files get a valid checksum again
(`seal`), so that they reach the verifier and the interpreter.
"""

import argparse
import collections
import contextlib
import importlib.util
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import traceback

import numpy as np

from export.format.flatbuffer import Damaged, Table
from export.format.metadata import NAME, STREAM_NAME, seal
from export.runtime import StreamRunner
from export.runtime.interpreter import RUNTIMES
from tsm_tf.errors import InputError

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
SECONDS, ADDRESS_SPACE = 60, 8 << 30


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


def mutated(rng, content, kind):
    """Returns a mutation, in three of four cases with a valid checksum."""
    data = bytes(kind(rng, bytearray(content)))
    if rng.random() < 0.75:
        with contextlib.suppress(Damaged, KeyError):  # too damaged to have one
            return seal(data)
    return data


def stream(path, runtime):
    """Streams a file in the child; returns its exit code."""
    try:
        runner = StreamRunner(path, runtime=runtime)
        for _ in range(2):
            runner.step(np.full((runner.spec.input_size, runner.spec.input_size, 3), 100, np.uint8))
    except InputError:
        return 1
    except RuntimeError:
        return 2
    except BaseException:
        traceback.print_exc()
        return 3
    return 0


def outcome(path, runtime):
    """Streams a file in a child; returns the result, and the child's output if it failed."""
    with tempfile.TemporaryFile("w+") as log:
        child = os.fork()
        if child == 0:
            os.dup2(log.fileno(), 2)
            signal.alarm(SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            code = 4
            try:
                code = stream(path, runtime)
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        log.seek(0)
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name, log.read()
        code = os.WEXITSTATUS(status)
        return ("ran", "refused", "interpreter error", "exception", "exception")[
            code
        ], log.read() if code > 2 else ""


def make_models(folder):
    """Writes small online models, float32 and int8."""
    from int8 import convert_int8
    from weights import with_weights

    from export.tflite.convert import convert
    from export.tflite.draft import Draft
    from tsm_tf import ModelSpec, build_model

    spec = ModelSpec(num_classes=4, num_segments=4, input_size=32, width=0.35)
    model = with_weights(build_model(spec))
    for name, content in (("float32", convert(model, online=True)), ("int8", convert_int8(model))):
        (folder / f"{name}.tflite").write_bytes(Draft(content).seal(spec, name))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=pathlib.Path, help="files to mutate; default: new small models"
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    installed = [
        name for name in RUNTIMES if name != "tensorflow" and importlib.util.find_spec(name)
    ]
    parser.add_argument("--runtimes", default=",".join(installed))
    parser.add_argument(
        "--keep", type=pathlib.Path, default=pathlib.Path("build/mutations"), help="for failures"
    )
    # Models are made in another process, because TensorFlow must not be loaded in this one.
    parser.add_argument("--make", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make_models(options.make)
        return
    rng, tally, failures = np.random.default_rng(options.seed), collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not options.files:
            subprocess.run([sys.executable, __file__, f"--make={folder}"], check=True)
            options.files = sorted(folder.glob("*.tflite"))
        contents = [path.read_bytes() for path in options.files]
        runtimes = options.runtimes.split(",")
        for number in range(options.count):
            kind = KINDS[number % len(KINDS)]
            data = mutated(rng, contents[number // len(KINDS) % len(contents)], kind)
            path = folder / f"{options.seed}_{number}_{kind.__name__}.tflite"
            path.write_bytes(data)
            for runtime in runtimes:
                end, log = outcome(path, runtime)
                tally[kind.__name__, runtime, end] += 1
                if end not in ("ran", "refused", "interpreter error"):
                    failures += 1
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / path.name).write_bytes(data)
                    print(
                        f"FAILED {options.keep / path.name} in {runtime}: {end}\n{log[-2000:]}",
                        flush=True,
                    )
            path.unlink()
            if (number + 1) % 200 == 0:
                print(f"{number + 1} of {options.count} files, {failures} failures", flush=True)
    for (kind, runtime, end), count in sorted(tally.items()):
        print(f"{kind:<12} {runtime:<15} {end:<18} {count}")
    print(f"{options.count} mutated files in {len(runtimes)} runtimes: {failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
