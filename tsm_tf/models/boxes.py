"""Checks what a model with boxes as its second input is given."""

from typing import Any

import numpy as np

from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


def check_boxes(inputs: Any, spec: ModelSpec) -> None:
    """Raises unless the inputs of a network that takes boxes are clips and boxes in their frames.

    The values of symbolic tensors are unknown and not checked. Other networks take anything.

    Args:
        inputs: what the model is called with.
        spec: the model's spec.

    Raises:
        InputError: names `inputs` or `boxes`.
    """
    if not find_architecture(spec.backbone).takes_boxes:
        return
    if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
        rule = f"must be [clips, boxes] for {spec.backbone}"
        raise InputError("inputs", rule, type(inputs).__name__)

    boxes, steps = inputs[1], spec.num_segments // 2
    shape = tuple(getattr(boxes, "shape", ()))
    if len(shape) != 4 or shape[1] != steps or shape[3] != 4:
        rule = f"must have the shape [B, {steps}, R, 4] for clips of {spec.num_segments} frames"
        raise InputError("boxes", rule, shape)
    try:
        values = np.asarray(boxes)
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return  # symbolic
    if values.dtype.kind not in "fiu":
        return

    start, end, last = values[..., :2], values[..., 2:], spec.input_size - 1
    is_good = (start >= 0) & (start <= end) & (end <= last)
    if not is_good.all():
        rule = f"must be x1, y1, x2, y2 in the frame, in pixels from 0 to {last}"
        raise InputError("boxes", rule, values[tuple(np.argwhere(~is_good)[0][:3])].tolist())
