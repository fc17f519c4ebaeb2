"""The model card of an export: what each file is, how it was proven, and what it costs.

`model_card.json` is for programs, `model_card.html` says the same to people.
"""

import dataclasses
import importlib.util
import json
import math
import pathlib
from collections import Counter

import jinja2
import numpy as np

from export.benchmark import device, measure
from export.edgetpu import report as edgetpu
from export.format.reader import Model, read_model
from export.parity import Proof
from export.runtime.interpreter import RUNTIMES
from tsm_tf.errors import InputError
from tsm_tf.files import replacing
from tsm_tf.spec import ModelSpec
from tsm_tf.versions import installed_versions

NAME = "model_card"
_PACKAGES = ("tsm-tf", "tensorflow", "keras", "numpy", "tflite-runtime", "ai-edge-litert")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry(Proof):
    """A file of the export, and its proof.

    Args:
        path: the `.tflite` file, in the card's folder.
        variant: `"float32"`, `"float16"`, `"dynamic"`, `"int8"`, `"edgetpu"`, ...
        calibration: how the ranges of its activations were found, if they are quantised.
    """

    path: pathlib.Path
    variant: str
    calibration: str | None = None


def write_card(
    folder: pathlib.Path,
    spec: ModelSpec,
    entries: list[Entry],
    runtimes: list[str] | None = None,
    threads: tuple[int, ...] = (1,),
    rounds: int = 1,
) -> dict:
    """Measures the files and writes `model_card.json` and `model_card.html` beside them.

    A card that is there already keeps its other files: an online and a clip export share a folder.

    Args:
        folder: holds the files of `entries`.
        spec: of the model that they were made of.
        entries: the new files; ratios of latency are to the last.
        runtimes: keys of `RUNTIMES` to measure with; None takes what is installed, without the converter's own.
        threads: numbers of threads to measure with.
        rounds: of `export.benchmark`.

    Returns:
        What `model_card.json` holds.

    Raises:
        InputError: the folder's card is of another model.
    """
    kept = [
        file
        for file in check_folder(folder, spec)
        if file["file"] not in {e.path.name for e in entries}
    ]
    latency = _latency([entry.path for entry in entries], runtimes or _installed(), threads, rounds)
    card = {
        "spec": dataclasses.asdict(spec),
        "files": [*kept, *(_describe(entry, latency[entry.path]) for entry in entries)],
        "device": device(),
        "versions": installed_versions(_PACKAGES),
    }
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.1%}"
    page = environment.get_template("card.html.jinja").render(card, model_spec=spec)
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    for name, content in ((f"{NAME}.json", text), (f"{NAME}.html", page)):
        with replacing(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return card


def check_folder(folder: pathlib.Path, spec: ModelSpec) -> list[dict]:
    """Returns the files of the card that the folder has, without those that are gone; call it before long work.

    Raises:
        InputError: the card is of another model, or cannot be read.
    """
    path = folder / f"{NAME}.json"
    if not path.exists():
        return []
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        is_same = ModelSpec.from_dict(card["spec"]) == spec
        files = [file for file in card["files"] if (folder / file["file"]).is_file()]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            "output", f"must have a {path.name} that can be read ({error}), or none", str(folder)
        ) from None
    if files and not is_same:
        raise InputError(
            "output",
            f"must be a folder whose {path.name} is of the same spec, or has none",
            str(folder),
        )
    return files


def _describe(entry, latency):
    model = read_model(entry.path)
    graph = model.graphs[0]
    (signature,) = model.signatures
    facts = {name: value for name, value in dataclasses.asdict(entry).items() if name != "path"}
    return {
        "file": entry.path.name,
        **facts,
        "bytes": entry.path.stat().st_size,
        "operators": dict(Counter(operator.name for operator in graph.operators).most_common()),
        "inputs": {name: _tensor(graph.tensors[index]) for name, index in signature.inputs.items()},
        "outputs": {
            name: _tensor(graph.tensors[index]) for name, index in signature.outputs.items()
        },
        "memory": {
            "arena_bytes": arena_bytes(entry.path, model),
            "cache_bytes": sum(
                math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
                for tensor in (
                    graph.tensors[index]
                    for name, index in signature.inputs.items()
                    if name != "image"
                )
            ),
        },
        "latency": latency,
        "edgetpu": edgetpu.check(entry.path).summary() if entry.variant == "edgetpu" else None,
    }


def arena_bytes(path: pathlib.Path, model: Model) -> int:
    """Returns the size of the memory in which inputs, outputs and activations take turns, as the interpreter plans it.

    No interpreter tells it, but each tells where a tensor lies: the arena is the span of those that are not weights.
    It is planned without delegates; XNNPACK keeps activations in a workspace of its own, and packed weights beside it.
    """
    import tensorflow as tf

    graph = model.graphs[0]
    weights = {index for index, tensor in enumerate(graph.tensors) if model.constant(tensor).size}
    for operator in graph.operators:  # float16 weights are made float32 once, and stay
        if operator.name == "DEQUANTIZE" and operator.inputs[0] in weights:
            weights.update(operator.outputs)
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    views = [
        interpreter.tensor(index)() for index in range(len(graph.tensors)) if index not in weights
    ]
    starts = [view.__array_interface__["data"][0] for view in views]
    return max(start + view.nbytes for start, view in zip(starts, views, strict=True)) - min(starts)


def _tensor(tensor):
    facts = {"shape": tensor.shape, "dtype": tensor.dtype}
    return facts | (
        {"scale": tensor.scale[0], "zero_point": tensor.zero_point[0]} if tensor.scale else {}
    )


def _latency(paths, runtimes, threads, rounds):
    rows = {path: [] for path in paths}
    for runtime in runtimes:
        for number in threads:
            print(f"measuring with {runtime}, {number} thread(s)", flush=True)
            for path, row in zip(paths, measure(paths, number, runtime, rounds), strict=True):
                rows[path].append(
                    {name: value for name, value in row.items() if name not in ("model", "device")}
                )
    return rows


def _installed():
    names = [name for name in RUNTIMES if name != "tensorflow" and importlib.util.find_spec(name)]
    return names or ["tensorflow"]
