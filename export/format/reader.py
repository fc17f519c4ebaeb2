"""Reads the tensors, operators, signatures and metadata of a `.tflite` file with numpy alone.

Field numbers are those of TFLite's schema, `tensorflow/compiler/mlir/lite/schema/schema.fbs`.
Fields that are not in `allowed_operators.json` are not read. They are listed in `Model.unknown`.
"""

import pathlib
from typing import NamedTuple

import numpy as np

from export.format.allowed import allowed
from export.format.flatbuffer import Damaged, Table
from export.format.operators import operator_name
from tsm_tf.errors import InputError, MissingFile

IDENTIFIER = b"TFL3"
SIGNATURE = "serving_default"
CUSTOM = "CUSTOM"
TYPES = (
    "float32",
    "float16",
    "int32",
    "uint8",
    "int64",
    "string",
    "bool",
    "int16",
    "complex64",
    "int8",
    "float64",
    "complex128",
    "uint64",
    "resource",
    "variant",
    "uint32",
    "uint16",
    "int4",
)
"""Names of the element types, in the order of the schema."""


class Tensor(NamedTuple):
    """A tensor.

    `scale` and `zero_point` are empty without quantisation. They have one value, or one per channel
    along `axis`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    is_static: bool
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int


class Operator(NamedTuple):
    """An operator; inputs and outputs are tensor numbers, or -1 if an optional one is absent."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None
    options_type: int


class Graph(NamedTuple):
    """A subgraph: tensors, input and output tensor numbers, and operators in execution order."""

    tensors: list[Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: list[Operator]


class Signature(NamedTuple):
    """Names of a graph's inputs and outputs, with their tensor numbers."""

    name: str
    graph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


class Model(NamedTuple):
    """A whole file; buffers and metadata are views of its bytes.

    `unknown` describes the fields that the reader does not know. `path` is empty if the bytes did
    not come from a file.
    """

    data: bytes
    version: int
    graphs: list[Graph]
    buffers: list[np.ndarray]
    signatures: list[Signature]
    metadata: dict[str, np.ndarray]
    unknown: tuple[str, ...]
    path: str = ""

    def constant(self, tensor: Tensor) -> np.ndarray:
        """Returns a tensor's bytes in the file; empty if it is computed."""
        return self.buffers[tensor.buffer]

    @property
    def signature(self) -> Signature:
        """The signature of exported files; one without inputs and outputs if there is none."""
        none = Signature(SIGNATURE, 0, {}, {})
        return next((entry for entry in self.signatures if entry.name == SIGNATURE), none)

    def interface(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the inputs and the outputs of `signature` by name."""
        tensors = self.graphs[0].tensors
        return (
            {name: tensors[index] for name, index in self.signature.inputs.items()},
            {name: tensors[index] for name, index in self.signature.outputs.items()},
        )


def read_model(path: pathlib.Path) -> Model:
    """Reads a `.tflite` file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, or a damaged one.
    """
    if not path.is_file():
        raise MissingFile("model", "must be an existing file", str(path))

    with path.open("rb", buffering=0) as file:  # buffered, a file of 9 MB takes 8 ms instead of 1
        if file.read(8)[4:] != IDENTIFIER:
            raise InputError("model", "must be a TFLite file", str(path))
        file.seek(0)
        data = file.read()

    try:
        return parse_model(data)._replace(path=str(path))
    except Damaged as error:
        rule = f"must be a whole TFLite file; this one is damaged ({error})"
        raise InputError("model", rule, str(path)) from None


def parse_model(data: bytes) -> Model:
    """Parses the bytes of a `.tflite` file.

    Raises:
        Damaged: something lies outside the file.
    """
    return _Reader(data).model()


class _Reader:
    """Reads one file, and notes the fields that it does not know."""

    def __init__(self, data):
        self._data = data
        self._fields = allowed().fields
        self._unknown = set()
        self._codes = []

    def model(self):
        root = self._known("model", Table.root(memoryview(self._data)))
        self._codes = [self._operator_code(code) for code in root.tables(1)]
        root.text(3)

        # Visit every buffer, so that a truncated file is refused here. Interpreters would read past
        # its end.
        buffers = [self._known("buffer", buffer).array(0) for buffer in root.tables(4)]
        metadata = {}
        for entry in root.tables(6):
            self._known("metadata", entry)
            metadata[entry.text(0)] = _pick(buffers, entry.number(1, "I"), "buffer")

        return Model(
            data=self._data,
            version=root.number(0, "I"),
            graphs=[self._graph(graph) for graph in root.tables(2)],
            buffers=buffers,
            signatures=[self._signature(signature) for signature in root.tables(7)],
            metadata=metadata,
            unknown=tuple(sorted(self._unknown)),
        )

    def _known(self, kind, table):
        fields = self._fields[kind]
        for field in table.fields():
            if field >= len(fields) or fields[field] is None:
                self._unknown.add(f"the field {field} in the table {kind}")
        return table

    def _operator_code(self, code):
        """Codes above 127 are in a newer field; the old field of one byte then holds 127."""
        self._known("operator_code", code)
        name = operator_name(max(code.number(0, "b"), code.number(3, "i")))
        custom, version = code.text(1), code.number(2, "i", 1)
        if name == CUSTOM:
            return custom or CUSTOM, version, True
        if custom:
            self._unknown.add(f"the custom code of an operator {name}")
        return name, version, False

    def _graph(self, graph):
        self._known("subgraph", graph).text(4)  # interpreters read the name, so it must be valid
        return Graph(
            tensors=[self._tensor(tensor) for tensor in graph.tables(0)],
            inputs=_ints(graph, 1),
            outputs=_ints(graph, 2),
            operators=[self._operator(operator) for operator in graph.tables(3)],
        )

    def _tensor(self, tensor):
        self._known("tensor", tensor)
        quantization = tensor.table(4)
        scale, zero_point, axis = (), (), 0
        if quantization:
            self._known("quantization", quantization)
            scale = tuple(quantization.array(2, "<f4").tolist())
            zero_point = tuple(quantization.array(3, "<i8").tolist())
            axis = quantization.number(6, "i")

        return Tensor(
            name=tensor.text(3),
            shape=_ints(tensor, 0),
            dtype=_pick(TYPES, tensor.number(1, "B"), "type"),
            buffer=tensor.number(2, "I"),
            is_static=-1 not in _ints(tensor, 7),
            scale=scale,
            zero_point=zero_point,
            axis=axis,
        )

    def _operator(self, operator):
        self._known("operator", operator)
        name, version, is_custom = _pick(self._codes, operator.number(0, "I"), "operator code")
        if operator.array(5).size and not is_custom:
            self._unknown.add(f"custom options of an operator {name}")
        return Operator(
            name=name,
            version=version,
            inputs=_ints(operator, 1),
            outputs=_ints(operator, 2),
            options=operator.table(4),
            options_type=operator.number(3, "B"),
        )

    def _signature(self, signature):
        self._known("signature", signature)
        inputs, outputs = (
            {
                self._known("signature_entry", entry).text(0): entry.number(1, "I")
                for entry in signature.tables(field)
            }
            for field in (0, 1)
        )
        return Signature(signature.text(2), signature.number(4, "I"), inputs, outputs)


def _ints(table, field):
    return tuple(table.array(field, "<i4").tolist())


def _pick(values, index, what):
    if index >= len(values):
        raise Damaged(f"{what} {index} of {len(values)}")
    return values[index]
