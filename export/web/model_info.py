"""What the page needs to know about a model, from the metadata in its file."""

import dataclasses
import os
import pathlib
import zlib
from typing import Any

from export.format.metadata import DETECTIONS, Contents, read_contents
from export.format.reader import Tensor
from tsm_tf.detection.detections import PADDING, SHOWN_SCORE, class_color
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec


def read_model_info(path: pathlib.Path) -> dict[str, Any]:
    """Returns the content of `model.json`, which is described in `page/js/model_info.js`.

    Args:
        path: a file of `python -m export.tflite --online`.

    Raises:
        FileNotFoundError: no such file.
        InputError: a file that `export.format.metadata.read_contents` refuses, or a model that the
            page cannot run: a clip model, a detector that needs later frames, several streams,
            optical flow, or int8 inputs or outputs.
    """
    contents = read_contents(path)
    spec = contents.spec
    _check(contents, path)
    common = {
        "file": path.name,
        "bytes": len(contents.model.data),
        "crc32": f"{zlib.crc32(contents.model.data):08x}",
        "variant": contents.variant,
        "backbone": spec.backbone,
        "labels": list(spec.labels or map(str, range(spec.num_classes))),
        "fps": spec.fps,
    }
    if isinstance(spec, DetectorSpec):
        return common | _about_detector(spec)
    return common | _about_classifier(spec)


def _about_classifier(spec: ModelSpec) -> dict[str, Any]:
    return {
        "kind": "classifier",
        "background": list(spec.background_classes),
        "input_size": spec.input_size,
        "short_side": spec.short_side,
        "multi_label": spec.multi_label,
        "thresholds": list(spec.class_thresholds) if spec.multi_label else [],
        "events": dataclasses.asdict(spec.events or EventRules()),
    }


def _about_detector(spec: DetectorSpec) -> dict[str, Any]:
    return {
        "kind": "detector",
        "input_height": spec.input_height,
        "input_width": spec.input_width,
        "padding": list(PADDING),
        "shown_score": SHOWN_SCORE,
        "colors": [list(class_color(number)) for number in range(spec.num_classes)],
    }


def _check(contents: Contents, path: pathlib.Path) -> None:
    spec = contents.spec
    if not contents.is_online:
        rule = "must take one frame at a time: export it with python -m export.tflite --online"
        raise InputError("model", rule, f"{path}, which takes clips")
    if isinstance(spec, DetectorSpec):
        spec.check_streamable()
    elif spec.modality != "rgb":
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
    """Returns the inputs and the results, by name."""
    graph, signature = contents.model.graphs[0], contents.model.signatures[0]
    results = set(DETECTIONS) if contents.is_detector else {"logits"}
    if (signature.inputs.keys() - {"image"}) | results != signature.outputs.keys():
        rule = f"must return each cache that it takes, and {', '.join(sorted(results))}"
        raise InputError("model", rule, sorted(signature.outputs))
    indices = {**signature.inputs, **signature.outputs}
    return {name: graph.tensors[index] for name, index in indices.items()}
