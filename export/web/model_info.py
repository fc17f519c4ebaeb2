"""What the page needs to know about a model, from the metadata in its file."""

import dataclasses
import os
import pathlib
import zlib
from typing import Any

from export.format.metadata import Contents, read_contents
from export.format.reader import Tensor
from tsm_tf.errors import InputError
from tsm_tf.event_rules import EventRules


def read_model_info(path: pathlib.Path) -> dict[str, Any]:
    """Returns the content of `model.json`, which is described in `page/js/model_info.js`.

    Args:
        path: a file of `python -m export.tflite --online`.

    Raises:
        FileNotFoundError: no such file.
        InputError: a file that `export.format.metadata.read_contents` refuses, or a model that the
            page cannot run: a clip model, several streams, optical flow, or int8 inputs or outputs.
    """
    contents = read_contents(path)
    spec = contents.classifier
    _check(contents, path)
    return {
        "file": path.name,
        "bytes": len(contents.model.data),
        "crc32": f"{zlib.crc32(contents.model.data):08x}",
        "variant": contents.variant,
        "backbone": spec.backbone,
        "labels": list(spec.labels or map(str, range(spec.num_classes))),
        "background": list(spec.background_classes),
        "input_size": spec.input_size,
        "short_side": spec.short_side,
        "fps": spec.fps,
        "multi_label": spec.multi_label,
        "thresholds": list(spec.class_thresholds) if spec.multi_label else [],
        "events": dataclasses.asdict(spec.events or EventRules()),
    }


def _check(contents: Contents, path: pathlib.Path) -> None:
    spec = contents.classifier
    if not contents.is_online:
        rule = "must take one frame at a time: export it with python -m export.tflite --online"
        raise InputError("model", rule, f"{path}, which takes clips")
    if spec.modality != "rgb":
        raise InputError("model", "must take RGB frames", spec.modality)

    if contents.frames_per_step > 1:
        rule = "must take one frame per step; export it without --frames_per_step"
        raise InputError("model", rule, f"{path}, which takes {contents.frames_per_step}")

    tensors = _border_tensors(contents)
    if tensors["image"].shape[0] > 1:
        received = f"{path}, which has {tensors['image'].shape[0]}"
        raise InputError("model", "must have one stream", received)

    others = sorted({tensor.dtype for tensor in tensors.values()} - {"float32"})
    if others:
        rule = (
            "must have float32 inputs and outputs, because LiteRT.js has no int8 tensors; "
            "export it with --variants=int8 --float_borders, or as float16"
        )
        raise InputError("model", rule, f"{os.fspath(path)}, which has {' and '.join(others)}")


def _border_tensors(contents: Contents) -> dict[str, Tensor]:
    """Returns the inputs, and the logits, by name."""
    graph, signature = contents.model.graphs[0], contents.model.signatures[0]
    if signature.inputs.keys() - {"image"} != signature.outputs.keys() - {"logits"}:
        rule = "must return each cache that it takes, and the logits"
        raise InputError("model", rule, sorted(signature.outputs))
    indices = {**signature.inputs, **signature.outputs}
    return {name: graph.tensors[index] for name, index in indices.items()}
