"""Detects objects in the frames of a video, one after the other."""

import collections
import itertools
import weakref
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from tsm_tf.catalogue import RGB_CHANNELS
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detections import Detections
from tsm_tf.detection.fgfa.window import window_detector
from tsm_tf.detection.prepare import FramesToClips, PrepareClip
from tsm_tf.detection.rfcn import BOXES, CLASSES, COUNT, DETECTIONS, SCORES, DetectorModel
from tsm_tf.detector_spec import FGFA, RFCN
from tsm_tf.errors import InputError
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.graph import call_again, replay
from tsm_tf.models.stream import IMAGE, ShiftCaches

FRAMES_PER_STEP = 8
ROIS = "rois"


def detect_video(
    model: DetectorModel,
    frames: Iterable[np.ndarray],
    frames_per_step: int = FRAMES_PER_STEP,
) -> Iterator[Detections]:
    """Yields the detections of each frame of a video, in pixels of the original frame.

    A detector without a shift, or with a unidirectional one, computes the same as frame by frame,
    from the first frame on: each shift's cache holds channels of the frame before. A detector with
    a bidirectional shift takes windows of its `num_segments` frames, one after the other. FGFA
    takes the `window_radius` frames before and after each frame.

    Args:
        model: the detector.
        frames: frames `uint8 [H, W, 3]`, RGB, of any one size.
        frames_per_step: frames that are computed at once, for speed; the detections of a frame wait
            for as many. A bidirectional detector and FGFA ignore it.

    Raises:
        InputError: there is no frame per step.
    """
    outputs_of = _window_outputs if model.spec.method == FGFA else _step_outputs
    for outputs, scale in outputs_of(model, frames, frames_per_step):
        count = outputs[COUNT]
        yield Detections(
            outputs[BOXES][:count] / np.float32(scale),
            outputs[CLASSES][:count],
            outputs[SCORES][:count],
        )


def propose_video(
    model: DetectorModel,
    frames: Iterable[np.ndarray],
    frames_per_step: int = FRAMES_PER_STEP,
) -> Iterator[np.ndarray]:
    """Yields the proposals of each frame of a video, whatever their class.

    Args:
        model: the detector.
        frames: as in `detect_video`.
        frames_per_step: as in `detect_video`.

    Yields:
        `float32 [num_proposals, 4]`, best first, in half-open pixels of the original frame. They
        may cover the padding on its right and bottom.

    Raises:
        InputError: there is no frame per step, or the method is FGFA.
    """
    if model.spec.method == FGFA:
        raise InputError("method", f"must be {RFCN} for proposals", FGFA)
    for outputs, scale in _step_outputs(model, frames, frames_per_step):
        yield outputs[ROIS] / np.float32(scale)


def _fitted(spec, frames):
    size = (spec.input_height, spec.input_width)
    return (fit_frame(frame, size) for frame in frames)


def _window_outputs(model, frames, _):
    """Yields each frame's outputs, and its scale, with the frames around it."""
    scales = collections.deque()

    def images():
        for image, scale in _fitted(model.spec, frames):
            scales.append(scale)
            yield image

    for outputs in window_detector(model).detect(images()):
        yield outputs, scales.popleft()


def _step_outputs(model, frames, frames_per_step):
    """Yields each frame's outputs, and its scale, with the state of the frames before it."""
    if frames_per_step < 1:
        raise InputError("frames_per_step", "must be at least 1", frames_per_step)
    fitted = _fitted(model.spec, frames)
    step = _step_of(model, frames_per_step)
    state = {
        name: np.zeros(x.shape, keras.backend.standardize_dtype(x.dtype))
        for name, x in step.input.items()
        if name != IMAGE
    }

    while chunk := list(itertools.islice(fitted, step.input[IMAGE].shape[0])):
        images = np.stack([image for image, _ in chunk])
        missing = step.input[IMAGE].shape[0] - len(images)
        images = np.pad(images, ((0, missing), *[(0, 0)] * 3), mode="edge")
        outputs = step.predict_on_batch({IMAGE: images, **state})
        state = {name: outputs[name] for name in state}
        for number, (_, scale) in enumerate(chunk):
            yield {name: outputs[name][number] for name in (*DETECTIONS, ROIS)}, scale


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
    outputs are those of the detector and its proposals, one row per frame, and the caches for the
    next step.
    """
    spec = model.spec
    if spec.shift_mode == "bidirectional":
        num_frames = spec.num_segments
    shape = (spec.input_height, spec.input_width, RGB_CHANNELS)
    image = keras.Input(shape, num_frames, name=IMAGE)
    caches, proposals = ShiftCaches(spec.shift_div, 1, num_frames), {}

    def change(node, values):
        layer, x = node.operation, values.get(id(node.input_tensors[0]))
        if isinstance(layer, PrepareClip):
            return layer(image)
        if isinstance(layer, TemporalShift) and spec.shift_mode == "unidirectional":
            return caches.swap(layer.name, x)
        if isinstance(layer, FramesToClips):
            return x
        outputs = call_again(node, values)
        if layer.name == ROIS:
            proposals[ROIS] = outputs
        return outputs

    found = replay(model, image, change)
    inputs = {IMAGE: image, **caches.inputs}
    outputs = {**found, **proposals, **caches.outputs}
    return keras.Model(inputs, outputs, name=f"{model.name}_step")
