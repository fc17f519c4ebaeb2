"""Checks one operator of a `.tflite` file with its row in `allowed_operators.json`."""

import dataclasses
import math

import numpy as np

from export.format.allowed import Row, Slot, allowed
from export.format.flatbuffer import Damaged
from export.format.reader import Graph, Model, Operator, Tensor
from export.format.shapes import RULES, Call

SIZES = {"float32": 4, "float16": 2, "int32": 4, "int8": 1, "uint8": 1}
"""Types of tensors, with their sizes in bytes."""

_COMPARISONS = 30  # per element, at most, to find the largest ones
_OVERLAP = 16  # operations that the overlap of two boxes takes

_CODES = {"int8": "b", "int32": "i", "bool": "B", "float32": "f"}
"""Types of options, as format characters of `struct`."""


@dataclasses.dataclass(frozen=True)
class Effort:
    """What operators need at most. The limits have the same names.

    Args:
        live_bytes: size of the tensors that are in memory at the same time.
        patch_bytes: size of the patches into which a convolution may unfold its input.
        constant_bytes: size of the constants, once per operator that reads them.
        written_bytes: size of all results.
        multiply_adds: multiply-adds of convolutions, matrix products and pools, and the steps that
            select boxes.
    """

    live_bytes: int = 0
    patch_bytes: int = 0
    constant_bytes: int = 0
    written_bytes: int = 0
    multiply_adds: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        """Adds the effort of the next operator, which reuses the memory."""
        return Effort(
            live_bytes=max(self.live_bytes, other.live_bytes),
            patch_bytes=max(self.patch_bytes, other.patch_bytes),
            constant_bytes=self.constant_bytes + other.constant_bytes,
            written_bytes=self.written_bytes + other.written_bytes,
            multiply_adds=self.multiply_adds + other.multiply_adds,
        )


def check_operator(
    operator: Operator,
    graph: Graph,
    model: Model,
    fixed: set[int],
    bounds: dict[int, int],
) -> Effort:
    """Checks an operator whose tensors exist.

    Args:
        operator: an operator that is in the list.
        graph: its graph.
        model: the whole file.
        fixed: numbers of the tensors that count as constants.
        bounds: for tensors that hold positions from 0, the number below which they are; those of
            the operator's results are added.

    Raises:
        Damaged: the exporter never writes such an operator, or its result has another shape.
    """
    row = allowed().operators[operator.name]
    if not 1 <= operator.version <= row.newest_version:
        raise Damaged(f"the version {operator.version}")

    options = _read_options(operator, row)
    constants = _match_tensors(operator, row, graph, fixed)
    tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
    result, *others = [graph.tensors[index] for index in operator.outputs]

    call = Call(
        shapes=[tensor.shape for tensor in tensors],
        constants={i: _values(tensors[i], model) for i in constants},
        options=options,
        result=result.shape,
        broadcast_rank=row.broadcast_rank,
        others=tuple(tensor.shape for tensor in others),
    )
    shape = RULES[row.shape](call)
    if shape != result.shape:
        raise Damaged(f"a result of the shape {result.shape} instead of {shape}")
    if operator.name in ("ADD", "SUB") and result.scale:
        _check_sum(tensors, result)
    _check_positions(operator, call, bounds)
    return _effort(operator, graph, fixed, row.shape, call)


def _read_options(operator: Operator, row: Row) -> dict[str, float]:
    """Reads the options; each must have a value that the row allows."""
    has_options = operator.options is not None
    if operator.options_type != row.options_type or has_options != bool(row.options_type):
        raise Damaged(f"options of the type {operator.options_type}")

    options, table = {}, operator.options
    for number, option in enumerate(row.options):
        if option is not None and table is not None:
            value = table.number(number, _CODES[option.dtype], option.default)
            if not option.allows(value):
                raise Damaged(f"the {option.name.replace('_', ' ')} {value}")
            options[option.name] = value

    unknown = [field for field in (table.fields() if table else ()) if _unknown(field, row)]
    if unknown:
        raise Damaged(f"the option {unknown[0]}")
    return options


def _unknown(field, row):
    return field >= len(row.options) or row.options[field] is None


def _match_tensors(operator: Operator, row: Row, graph: Graph, fixed: set[int]) -> list[int]:
    """Compares tensors with the row's patterns; returns the positions of integer constants."""
    for inputs, outputs in row.patterns:
        if _fits(inputs, operator.inputs, row, graph, fixed) and _fits(
            outputs, operator.outputs, row, graph, fixed
        ):
            if operator.name != "DEQUANTIZE" and fixed.issuperset(operator.inputs):
                raise Damaged("constants only")
            return [i for i, slot in enumerate(inputs) if slot.is_number]

    texts = [
        "none" if index < 0 else _describe(graph.tensors[index], index in fixed)
        for index in (*operator.inputs, *operator.outputs)
    ]
    raise Damaged(f"the tensors {', '.join(texts[:8])}")


def _fits(slots, indices, row, graph, fixed):
    if slots[0].is_repeated:
        slots = slots[:1] * max(len(indices), 1)
    indices = (*indices, *[-1] * (len(slots) - len(indices)))
    return len(slots) == len(indices) and all(
        slot.is_optional
        if index < 0
        else (index in fixed or not slot.is_constant) and _has_form(graph.tensors[index], slot, row)
        for slot, index in zip(slots, indices, strict=True)
    )


def _has_form(tensor: Tensor, slot: Slot, row: Row) -> bool:
    if tensor.dtype != slot.dtype:
        return False
    if slot.scales == "**":
        if tensor.axis not in (row.channel_axes if len(tensor.shape) > 1 else (0,)):
            return False
        size = tensor.shape[tensor.axis : tensor.axis + 1]
        return size == (len(tensor.scale),) and not any(tensor.zero_point)
    return len(tensor.scale) == len(slot.scales) and tensor.axis == 0


def _describe(tensor, is_fixed):
    scales = f" with {len(tensor.scale)} scales" if tensor.scale else ""
    return f"{'constant ' if is_fixed else ''}{tensor.dtype}{scales}"


def _values(tensor, model):
    return np.frombuffer(model.constant(tensor), "<i4").reshape(tensor.shape).astype("i8")


def _check_sum(sources: list[Tensor], result: Tensor) -> None:
    """Kernels for 8 bits compute with 20 more bits, and abort the process if that is not enough."""
    if 2 * max(source.scale[0] for source in sources) >= 2**20 * result.scale[0]:
        raise Damaged("a result whose scale is too small")


def _check_positions(operator: Operator, call: Call, bounds: dict[int, int]) -> None:
    """Checks that positions that an operator reads at lie inside its input.

    Not every runtime checks them. Only these operators make integers, and none computes with them.
    """
    if operator.name == "GATHER":
        length = call.shapes[0][0]
        if bounds.get(operator.inputs[1], length + 1) > length:
            raise Damaged("positions that may be outside its input")
    elif operator.name == "TOPK_V2":
        bounds[operator.outputs[1]] = call.shapes[0][-1]
    elif operator.name == "NON_MAX_SUPPRESSION_V4":
        bounds[operator.outputs[0]] = call.shapes[0][0]


def _effort(
    operator: Operator,
    graph: Graph,
    fixed: set[int],
    rule: str,
    call: Call,
) -> Effort:
    source, others = graph.tensors[operator.inputs[0]], call.shapes[1:]
    size = math.prod(call.result)
    multiply_adds = patches = 0

    if rule == "conv":
        multiply_adds = size * math.prod(others[0][1:])
        patches = multiply_adds // call.result[3]
    elif rule == "transpose_conv":
        source = graph.tensors[operator.inputs[2]]
        patches = math.prod(source.shape[:3]) * math.prod(others[0][:3])
        multiply_adds = patches * source.shape[3]
    elif rule == "depthwise_conv":
        multiply_adds = size * math.prod(others[0][1:3])
    elif rule == "pool":
        multiply_adds = size * call.options["filter_w"] * call.options["filter_h"]
    elif rule == "fully_connected":
        multiply_adds = size * others[0][1]
    elif rule == "batch_matmul":
        multiply_adds = size * source.shape[-2 if call.options["adj_x"] else -1]
    elif rule == "top_k":
        multiply_adds = math.prod(source.shape) * _COMPARISONS
    elif rule == "non_max_suppression":
        multiply_adds = source.shape[0] * (_COMPARISONS + size * _OVERLAP)

    return Effort(
        patch_bytes=patches * SIZES[source.dtype],
        constant_bytes=sum(
            num_bytes(graph.tensors[index]) for index in fixed.intersection(operator.inputs)
        ),
        written_bytes=sum(num_bytes(graph.tensors[index]) for index in operator.outputs),
        multiply_adds=int(multiply_adds),
    )


def num_bytes(tensor: Tensor) -> int:
    """Returns the size of a tensor in memory."""
    return math.prod(tensor.shape) * SIZES[tensor.dtype]
