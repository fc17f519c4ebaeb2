"""Will an Edge TPU run a file? `python -m export.edgetpu --model=FILE` tells it of every operator.

It holds the file to Coral's documented limits. Coral's compiler, a closed program for x86-64 Linux, has further ones
that nobody published, so its word counts: where it is installed it runs too, and writes `FILE_edgetpu.tflite`.
Exit code 0: every operator is mapped. 1: not.
"""

import dataclasses
import pathlib
import shutil
import subprocess
from collections import Counter

from export.edgetpu.limits import ON_CHIP_BYTES, cautions, why_not
from export.format.metadata import NAME, add_spec, read_contents
from export.format.reader import Graph, Model, read_model
from tsm_tf.errors import InputError

COMPILER = "edgetpu_compiler"


@dataclasses.dataclass(frozen=True)
class Report:
    """What would become of a file on an Edge TPU.

    Args:
        operators: of each operator its name and why it stays on the CPU, None if it is mapped.
        cautions: documented doubts about operators that count as mapped.
        parameter_bytes: size of the mapped operators' constants.
        links: of each cache the names of its input and output tensor, for libcoral's `append_recurrent_links`.
        link_problems: why caches can't be linked to state on the device.
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
        """The share of the parameters that stays on the chip, 0..1; the rest comes over the bus for every frame."""
        return min(1.0, ON_CHIP_BYTES / max(1, self.parameter_bytes))

    def summary(self) -> dict:
        """Returns the report in short, as JSON can hold it."""
        return {
            "operators": len(self.operators),
            "mapped": sum(reason is None for _, reason in self.operators),
            "parameter_bytes": self.parameter_bytes,
            "on_chip": self.on_chip,
            "problems": [*_reasons(self.operators), *self.link_problems],
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
            lines.append(
                f"parameters: {size:.2f} MiB; about {self.on_chip:.0%} fit in the chip's {limit:.1f} MiB"
            )
            lines += [
                f"caches cannot become state on the device: {problem}"
                for problem in self.link_problems
            ]
        if self.is_mapped and self.links and not self.link_problems:
            lines.append(
                f"all {len(self.links)} caches can become state on the device; for append_recurrent_links:"
            )
            for flag, names in zip(("input", "output"), zip(*self.links, strict=True), strict=True):
                lines.append(f"  --{flag}_tensor_names={','.join(names)}")
        return "\n".join(lines)


def check(path: pathlib.Path) -> Report:
    """Holds every operator of a `.tflite` file to the documented limits.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, or a damaged one.
    """
    model = read_model(path)
    graph = model.graphs[0]
    operators, first = [], None
    for index, operator in enumerate(graph.operators):
        reason = why_not(operator, graph, model)
        if (
            reason is None and first is not None
        ):  # the compiler makes one partition: it never returns to the TPU
            reason = f"comes after {first}, the first that is not mapped"
        elif reason and first is None and not _is_float_border(operator, graph):
            first = f"{operator.name} (operator {index})"
        operators.append((operator.name, reason))
    mapped = [
        operator
        for operator, (_, reason) in zip(graph.operators, operators, strict=True)
        if reason is None
    ]
    constants = {index for operator in mapped for index in operator.inputs if index >= 0}
    links, link_problems = _links(graph, model)
    return Report(
        tuple(operators),
        tuple(f"{count} {text}" for text, count in Counter(cautions(mapped)).items()),
        sum(model.constant(graph.tensors[index]).size for index in constants),
        links,
        link_problems,
    )


def _is_float_border(operator, graph):
    """A float input's QUANTIZE and a float output's DEQUANTIZE are left to the CPU, and end no partition."""
    return (operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs) or (
        operator.name == "DEQUANTIZE" and operator.outputs[0] in graph.outputs
    )


def _reasons(operators):
    return [
        f"{count} {name}: {reason}"
        for (name, reason), count in Counter(operators).items()
        if reason
    ]


def _links(graph: Graph, model: Model):
    """Pairs caches by name and compares them; append_recurrent_links itself looks at shape and type only.

    It makes one tensor of the two, so that bytes keep their meaning only if scale and zero point are equal too, and
    the new cache must be written by an operator and read by none.
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
            problems.setdefault("given out by a tensor that an operator reads", []).append(name)
        if new not in written:
            problems.setdefault("given out by a tensor that no operator writes", []).append(name)
    links = tuple((graph.tensors[old].name, graph.tensors[new].name) for old, new in pairs.values())
    return links, tuple(f"{problem}: {', '.join(names)}" for problem, names in problems.items())


def compile_model(path: pathlib.Path, output: pathlib.Path) -> pathlib.Path | None:
    """Runs Coral's compiler on a file and gives the result the spec of the original.

    Returns:
        `output/<name>_edgetpu.tflite`, or None if the compiler is not on PATH.

    Raises:
        InputError: that file exists already, or the compiler refuses the model.
    """
    compiler = shutil.which(COMPILER)
    if not compiler:
        return None
    compiled = output / f"{path.stem}_edgetpu.tflite"
    if compiled.exists():
        raise InputError(
            "output", f"must be a folder without {compiled.name}, which would be lost", str(output)
        )
    output.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [compiler, "-s", "-o", str(output), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout, end="", flush=True)
    if done.returncode or not compiled.is_file():
        raise InputError(
            "model",
            f"must be one that {COMPILER} takes; it exited with {done.returncode}",
            str(path),
        )
    if NAME in read_model(path).metadata:
        contents = read_contents(path)
        compiled.write_bytes(
            add_spec(compiled.read_bytes(), contents.spec, "edgetpu", contents.start)
        )
    return compiled
