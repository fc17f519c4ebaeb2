"""Checks, operator by operator, whether an Edge TPU can run a file.

The file is compared with the limits that Coral documents. Coral's compiler has further, unpublished
limits, so the compiler has the final word (`export.edgetpu.compiler`).
"""

import dataclasses
import pathlib
from collections import Counter

from export.edgetpu.limits import ON_CHIP_BYTES, cautions, why_not
from export.format.reader import Graph, Model, read_model


@dataclasses.dataclass(frozen=True)
class Report:
    """Which parts of a file an Edge TPU would run.

    Args:
        operators: for each operator, its name and why it stays on the CPU; None if it is mapped.
        cautions: documented reservations about operators that count as mapped.
        parameter_bytes: size of the mapped operators' constants.
        links: for each cache, the names of its input and output tensors, for libcoral's
            `append_recurrent_links`.
        link_problems: why caches cannot be linked to state on the device.
    """

    operators: tuple[tuple[str, str | None], ...]
    cautions: tuple[str, ...]
    parameter_bytes: int
    links: tuple[tuple[str, str], ...]
    link_problems: tuple[str, ...]

    @property
    def is_mapped(self) -> bool:
        """Whether the Edge TPU runs every operator."""
        return all(reason is None for _, reason in self.operators)

    @property
    def on_chip(self) -> float:
        """Share of the parameters that fits on the chip, 0..1.

        The rest is transferred over the bus for every frame.
        """
        return min(1.0, ON_CHIP_BYTES / max(1, self.parameter_bytes))

    def summary(self) -> dict:
        """Returns a short form of the report, for JSON."""
        return {
            "operators": len(self.operators),
            "mapped": sum(reason is None for _, reason in self.operators),
            "parameter_bytes": self.parameter_bytes,
            "on_chip": self.on_chip,
            "problems": [*_problems(self.operators), *self.link_problems],
            "cautions": list(self.cautions),
        }

    def __str__(self):
        mapped = sum(reason is None for _, reason in self.operators)
        groups = Counter((name, reason or "mapped") for name, reason in self.operators)
        lines = [f"{'operator':<28}{'count':>5}  status"]
        lines += [f"{name:<28}{count:>5}  {status}" for (name, status), count in groups.items()]
        lines.append(f"{mapped} of {len(self.operators)} operators are mapped to the Edge TPU")

        lines += [f"caution: {caution}" for caution in self.cautions]
        if mapped:
            size, limit = self.parameter_bytes / 2**20, ON_CHIP_BYTES / 2**20
            share = f"about {self.on_chip:.0%} fit in the chip's {limit:.1f} MiB"
            lines.append(f"parameters: {size:.2f} MiB; {share}")
            lines += [
                f"caches cannot become state on the device: {problem}"
                for problem in self.link_problems
            ]

        if self.is_mapped and self.links and not self.link_problems:
            lines.append(
                f"all {len(self.links)} caches can become state on the device; "
                "for append_recurrent_links:"
            )
            inputs, outputs = zip(*self.links, strict=True)
            lines.append(f"  --input_tensor_names={','.join(inputs)}")
            lines.append(f"  --output_tensor_names={','.join(outputs)}")
        return "\n".join(lines)


def check(path: pathlib.Path) -> Report:
    """Compares every operator of a `.tflite` file with the documented limits.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, or a damaged one.
    """
    model = read_model(path)
    graph = model.graphs[0]
    reasons = _reasons(graph, model)

    mapped = [op for op, reason in zip(graph.operators, reasons, strict=True) if reason is None]
    constants = {index for operator in mapped for index in operator.inputs if index >= 0}
    links, link_problems = _links(graph, model)
    return Report(
        operators=tuple(
            (operator.name, reason)
            for operator, reason in zip(graph.operators, reasons, strict=True)
        ),
        cautions=tuple(f"{count} {text}" for text, count in Counter(cautions(mapped)).items()),
        parameter_bytes=sum(model.constant(graph.tensors[index]).size for index in constants),
        links=links,
        link_problems=link_problems,
    )


def _reasons(graph: Graph, model: Model) -> list[str | None]:
    """Returns why each operator stays on the CPU, or None.

    The compiler makes one partition: after the first operator that is not mapped, none is.
    """
    reasons, first = [], None
    for index, operator in enumerate(graph.operators):
        reason = why_not(operator, graph, model)
        if reason is None and first is not None:
            reason = f"comes after {first}, the first that is not mapped"
        elif reason and first is None and not _converts_float_io(operator, graph):
            first = f"{operator.name} (operator {index})"
        reasons.append(reason)
    return reasons


def _converts_float_io(operator, graph):
    """Returns whether an operator only converts a float input or output.

    Such operators run on the CPU and do not end the partition.
    """
    return (operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs) or (
        operator.name == "DEQUANTIZE" and operator.outputs[0] in graph.outputs
    )


def _problems(operators):
    return [
        f"{count} {name}: {reason}"
        for (name, reason), count in Counter(operators).items()
        if reason
    ]


def _links(graph: Graph, model: Model):
    """Pairs caches by name and compares them.

    `append_recurrent_links` merges the two tensors of a cache and compares only their shapes and
    types. The bytes keep their meaning only if scale and zero point are equal as well, and the new
    cache must be written by an operator and read by none.
    """
    if not model.signatures:
        return (), ()

    signature = model.signatures[0]
    pairs = {
        name: (signature.inputs[name], index)
        for name, index in signature.outputs.items()
        if name in signature.inputs
    }
    read = {index for operator in graph.operators for index in operator.inputs}
    written = {index for operator in graph.operators for index in operator.outputs}

    problems = {}
    for name, (old, new) in sorted(pairs.items()):
        for what in ("shape", "dtype", "scale", "zero_point"):
            if getattr(graph.tensors[old], what) != getattr(graph.tensors[new], what):
                problems.setdefault(f"another {what} in than out", []).append(name)
        if new in read:
            problems.setdefault("an output that an operator also reads", []).append(name)
        if new not in written:
            problems.setdefault("an output that no operator writes", []).append(name)

    links = tuple((graph.tensors[old].name, graph.tensors[new].name) for old, new in pairs.values())
    return links, tuple(f"{problem}: {', '.join(names)}" for problem, names in problems.items())
