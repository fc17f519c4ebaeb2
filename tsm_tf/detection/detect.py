"""Detects objects in the frames of a video, one after the other."""

import itertools
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detections import Detections
from tsm_tf.detection.prepare import FramesToClips, PrepareClip
from tsm_tf.detection.rfcn import BOXES, CLASSES, COUNT, SCORES, DetectorModel
from tsm_tf.errors import InputError
from tsm_tf.layers.part import part
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.graph import call_again, replay

FRAMES_PER_STEP = 8
_IMAGE = "image"


def detect_video(
    model: DetectorModel,
    frames: Iterable[np.ndarray],
    frames_per_step: int = FRAMES_PER_STEP,
) -> Iterator[Detections]:
    """Yields the detections of each frame of a video, in pixels of the original frame.

    A detector without a shift, or with a unidirectional one, computes the same as frame by frame,
    from the first frame on: each shift's cache holds channels of the frame before. A detector with
    a bidirectional shift takes windows of its `num_segments` frames, one after the other.

    Args:
        model: the detector.
        frames: frames `uint8 [H, W, 3]`, RGB, of any one size.
        frames_per_step: frames that are computed at once, for speed; the detections of a frame wait
            for as many. A bidirectional detector ignores it.

    Raises:
        InputError: there is no frame per step.
    """
    if frames_per_step < 1:
        raise InputError("frames_per_step", "must be at least 1", frames_per_step)
    spec = model.spec
    size = (spec.input_height, spec.input_width)
    step = _step_of(model, frames_per_step)
    fitted = (fit_frame(frame, size) for frame in frames)
    state = {
        name: np.zeros(x.shape, keras.backend.standardize_dtype(x.dtype))
        for name, x in step.input.items()
        if name != _IMAGE
    }

    while chunk := list(itertools.islice(fitted, step.input[_IMAGE].shape[0])):
        images = np.stack([image for image, _ in chunk])
        missing = step.input[_IMAGE].shape[0] - len(images)
        images = np.pad(images, ((0, missing), *[(0, 0)] * 3), mode="edge")
        outputs = step.predict_on_batch({_IMAGE: images, **state})
        state = {name: outputs[name] for name in state}
        for number, (_, scale) in enumerate(chunk):
            count = outputs[COUNT][number]
            yield Detections(
                outputs[BOXES][number, :count] / np.float32(scale),
                outputs[CLASSES][number, :count],
                outputs[SCORES][number, :count],
            )


_STEPS: weakref.WeakKeyDictionary[keras.Model, dict[int, keras.Model]] = weakref.WeakKeyDictionary()


def _step_of(model: DetectorModel, num_frames: int) -> keras.Model:
    """Returns the model of a step; videos that follow use the same one, which is compiled."""
    steps = _STEPS.setdefault(model, {})
    if num_frames not in steps:
        steps[num_frames] = _build_step(model, num_frames)
    return steps[num_frames]


def _build_step(model: DetectorModel, num_frames: int) -> keras.Model:
    """Returns a model with the same layers for the frames of a step, and caches.

    Its inputs are `"image"` `[num_frames, H, W, 3]` and the caches by the names of the shifts. Its
    outputs are those of the detector, one row per frame, and the caches for the next step.
    """
    spec = model.spec
    if spec.shift_mode == "bidirectional":
        num_frames = spec.num_segments
    shape = (spec.input_height, spec.input_width, 3)
    inputs: dict[str, Any] = {_IMAGE: keras.Input(shape, num_frames, name=_IMAGE)}
    caches = {}

    def swap(name, x):
        """Replaces the first channels by those of the frame before, and keeps the last frame's."""
        fold = x.shape[-1] // spec.shift_div
        inputs[name] = keras.Input((*x.shape[1:-1], fold), 1, name=name, dtype=x.dtype)
        last, own = num_frames - 1, part(x, -1, 0, fold)
        caches[name] = part(own, 0, last, 1)
        before = inputs[name]
        if last:
            before = ops.concatenate([before, part(own, 0, 0, last)], axis=0)
        return ops.concatenate([before, part(x, -1, fold, x.shape[-1] - fold)], axis=-1)

    def change(node, values):
        layer, x = node.operation, values.get(id(node.input_tensors[0]))
        if isinstance(layer, PrepareClip):
            return call_again(node, {**values, id(node.input_tensors[0]): inputs[_IMAGE]})
        if isinstance(layer, TemporalShift) and spec.shift_mode == "unidirectional":
            return swap(layer.name, x)
        return x if isinstance(layer, FramesToClips) else call_again(node, values)

    outputs = replay(model, inputs[_IMAGE], change)
    return keras.Model(inputs, {**outputs, **caches}, name=f"{model.name}_step")
