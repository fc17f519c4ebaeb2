"""The model card of an export: what each file is, how it compares with Keras, and what it costs.

`model_card.json` is for programs, `model_card.html` says the same to people.
"""

import dataclasses
import importlib.util
import json
import math
import pathlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from export.benchmark import measure
from export.detection_parity import DetectionProof
from export.edgetpu import report as edgetpu
from export.format.metadata import read_contents
from export.format.reader import Model, Tensor
from export.parity import Proof
from export.runtime.interpreter import INTERPRETERS
from export.tflite.export_settings import CARD, read_card_files
from tsm_tf.any_spec import AnySpec, frame_shape
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.files import write_text
from tsm_tf.html_page import render_page
from tsm_tf.versions import device, installed_versions

_TEMPLATE = pathlib.Path(__file__).with_name("card.html.jinja")
_PACKAGES = (
    "tsm-tf",
    "tensorflow",
    "keras",
    "numpy",
    "litert-quantizer",
    "tflite-runtime",
    "ai-edge-litert",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of the export, with its comparison with Keras.

    Args:
        proof: the comparison.
        path: the `.tflite` file, in the card's folder.
        variant: one of `export.tflite.VARIANTS`.
        calibration: what the ranges of the activations were determined on, if they are quantised.
        keep_float: the pattern of `ExportSettings`, if it applies to this file.
        gpu_difference: largest difference of any logit on a GPU that runs all operators, relative
            to the largest logit; None if it was not proven.
    """

    proof: Proof | DetectionProof
    path: pathlib.Path
    variant: str
    calibration: str | None = None
    keep_float: str | None = None
    gpu_difference: float | None = None


def write_card(
    folder: pathlib.Path,
    spec: AnySpec,
    entries: list[Entry],
    runtimes: Sequence[str] | None = None,
    threads: tuple[int, ...] = (1,),
    rounds: int = 1,
) -> dict:
    """Measures the files and writes `model_card.json` and `model_card.html` beside them.

    An existing card keeps its other files, because an online and a clip export share a folder.

    Args:
        folder: holds the files of `entries`.
        spec: the spec of the exported model.
        entries: the new files; latency ratios refer to the last one.
        runtimes: names from `RUNTIMES` to measure with; None uses the installed ones on the CPU,
            without TensorFlow's own if there is another.
        threads: numbers of threads to measure with.
        rounds: number of measuring rounds; see `export.benchmark`.

    Returns:
        The content of `model_card.json`.

    Raises:
        InputError: the folder has a card of another model.
    """
    new = {entry.path.name for entry in entries}
    kept = [file for file in read_card_files(folder, spec) if file["file"] not in new]

    paths = [entry.path for entry in entries]
    latency = _measure_latency(paths, runtimes or _installed_runtimes(), threads, rounds)

    card = {
        "spec": spec.to_dict(),
        "files": [*kept, *(_describe(entry, latency[entry.path]) for entry in entries)],
        "device": device(),
        "versions": installed_versions(_PACKAGES),
    }
    height, width, _ = frame_shape(spec)
    page = render_page(
        _TEMPLATE,
        **card,
        model_spec=spec,
        is_detector=isinstance(spec, DetectorSpec),
        height=height,
        width=width,
    )
    write_text(folder / f"{CARD}.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / f"{CARD}.html", page)
    return card


def _describe(entry: Entry, latency: list[dict]) -> dict:
    contents = read_contents(entry.path, unchecked=True)
    model = contents.model
    inputs, outputs = model.interface()
    caches = [tensor for name, tensor in inputs.items() if name != "image"]

    facts = dataclasses.asdict(entry)
    del facts["path"]
    return {
        "file": entry.path.name,
        **facts.pop("proof"),
        **facts,
        "bytes": entry.path.stat().st_size,
        "operators": dict(
            Counter(operator.name for operator in model.graphs[0].operators).most_common()
        ),
        "inputs": {name: _describe_tensor(tensor) for name, tensor in inputs.items()},
        "outputs": {name: _describe_tensor(tensor) for name, tensor in outputs.items()},
        "receptive_field": len(caches) + 1 if contents.is_online else None,
        "memory": {
            "arena_bytes": arena_bytes(entry.path, model),
            "cache_bytes": sum(_num_bytes(tensor) for tensor in caches),
        },
        "latency": latency,
        "edgetpu": edgetpu.check(entry.path).summary() if entry.variant == "edgetpu" else None,
    }


def arena_bytes(path: pathlib.Path, model: Model) -> int:
    """Returns the size of the arena, the memory that inputs, outputs and activations share.

    Interpreters do not report it, but they report where a tensor lies. The arena is the span of the
    tensors that are not weights. It is planned without delegates. XNNPACK keeps its activations and
    packed weights elsewhere.
    """
    graph = model.graphs[0]
    weights = {index for index, tensor in enumerate(graph.tensors) if model.constant(tensor).size}
    for operator in graph.operators:  # float16 weights are converted to float32 once, and kept
        if operator.name == "DEQUANTIZE" and operator.inputs[0] in weights:
            weights.update(operator.outputs)

    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()

    # Quantisation may leave tensors that nothing uses, which have no place.
    used = {index for op in graph.operators for index in (*op.inputs, *op.outputs) if index >= 0}
    views = [interpreter.tensor(index)() for index in sorted(used - weights)]
    starts = [view.__array_interface__["data"][0] for view in views]
    ends = [start + view.nbytes for start, view in zip(starts, views, strict=True)]
    return max(ends) - min(starts)


def _describe_tensor(tensor: Tensor) -> dict:
    facts = {"shape": tensor.shape, "dtype": tensor.dtype}
    if tensor.scale:
        facts |= {"scale": tensor.scale[0], "zero_point": tensor.zero_point[0]}
    return facts


def _num_bytes(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


def _measure_latency(paths, runtimes, threads, rounds):
    """Returns the rows of `export.benchmark.measure` by path, without what the card says itself."""
    rows = {path: [] for path in paths}
    for runtime in runtimes:
        for number in threads:
            print(f"measuring with {runtime}, {number} thread(s)", flush=True)
            measured = measure(paths, number, runtime, rounds, unchecked=True)
            for path, row in zip(paths, measured, strict=True):
                del row["model"], row["device"]
                rows[path].append(row)
    return rows


def _installed_runtimes():
    packages = [name for name in INTERPRETERS if importlib.util.find_spec(name)]
    names = [name for name in packages if name != "tensorflow"] or ["tensorflow"]
    return ["litert", *names] if "ai_edge_litert" in names else names
