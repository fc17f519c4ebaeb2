"""The stream model of a detector: a frame and caches in, boxes and new caches out (section 6)."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tsm_tf.catalogue import RGB_CHANNELS
from tsm_tf.detection.prepare import FramesToClips, PrepareClip
from tsm_tf.detection.rfcn import BOXES, CLASSES, COUNT, SCORES, DetectorModel
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.graph import call_again, replay
from tsm_tf.models.stream import IMAGE, ShiftCaches


@keras.saving.register_keras_serializable(package="tsm_tf")
class DetectorStream(keras.Model):
    """A functional model that takes one frame at a time, with explicit state.

    It maps `{"image": [1, H, W, 3], "shift_00": [1, h, w, c], ...}` to a dict, in which the new
    caches have the names of the old ones. The other outputs are those that detectors on devices
    have, with N = `max_detections`:

    - `"boxes"` `[1, N, 4]`: ymin, xmin, ymax, xmax, relative to the input's height and width
    - `"classes"` `[1, N]`: whole numbers from 0 in float32; background has no number
    - `"scores"` `[1, N]`: falling
    - `"count"` `[1]`: number of detections in float32; the rest of the others is 0

    Example:
        >>> stream = build_detector_stream(model)
        >>> state = stream.initial_state()
        >>> for frame in frames:
        ...     outputs = stream({"image": frame[None], **state})
        ...     state = {name: outputs[name] for name in state}
    """

    # The constructor is that of a functional model, so Keras can rebuild the model by itself.
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)

    @property
    def spec(self) -> DetectorSpec:
        """What the detector was built from."""
        return next(layer.spec for layer in self.layers if isinstance(layer, PrepareClip))

    def initial_state(self) -> dict[str, Any]:
        """Returns the caches of a stream that has seen no frame: zeros, by name."""
        caches = {name: x for name, x in self.input.items() if name != IMAGE}
        return {name: ops.zeros(x.shape, x.dtype) for name, x in caches.items()}


def build_detector_stream(
    model: DetectorModel,
    by_rows: bool = True,
    substitute: Callable[[Any], Any] = lambda layer: layer,
) -> DetectorStream:
    """Builds the model that takes one frame at a time; it has the detector's layers.

    Frame by frame, from `initial_state`, it finds what the detector finds in a clip.

    Args:
        model: a detector with a unidirectional shift, or without one (it then has no caches).
        by_rows: see `PrepareClip`.
        substitute: returns what takes the place of a layer, such as an equal layer that devices
            run faster; most often the layer itself.

    Raises:
        InputError: the detector cannot run frame by frame; see `DetectorSpec.check_streamable`.
    """
    spec = model.spec
    spec.check_streamable()
    image = keras.Input((spec.input_height, spec.input_width, RGB_CHANNELS), 1, name=IMAGE)
    caches = ShiftCaches(spec.shift_div, batch_size=1)

    def change(node, values):
        layer = substitute(node.operation)
        if isinstance(layer, PrepareClip):
            prepare = PrepareClip.from_config({**layer.get_config(), "by_rows": by_rows})
            return prepare(image)
        if isinstance(layer, TemporalShift):
            return caches.swap(layer.name, values[id(node.input_tensors[0])])
        if isinstance(layer, FramesToClips):
            return values[id(node.input_tensors[0])]
        if layer is node.operation:
            return call_again(node, values)
        args, kwargs = node.arguments.fill_in(values)
        return layer(*args, **kwargs)

    found = replay(model, image, change)
    names = (BOXES, CLASSES, SCORES, COUNT)
    outputs = DeviceOutputs(spec.input_height, spec.input_width)(*[found[name] for name in names])
    return DetectorStream(
        {IMAGE: image, **caches.inputs},
        {**outputs, **caches.outputs},
        name=f"{model.name}_stream",
    )


@keras.saving.register_keras_serializable(package="tsm_tf")
class DeviceOutputs(keras.layers.Layer):
    """Turns the detections of a frame into the outputs of `DetectorStream`.

    Args:
        height: pixels of the input.
        width: pixels of the input.

    Call arguments:
        boxes: x1, y1, x2, y2 in pixels, `[1, N, 4]`.
        classes: numbers from 0, -1 for padding, `[1, N]`.
        scores: `[1, N]`.
        count: `[1]`.
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = height, width

    def call(self, boxes, classes, scores, count):
        sizes = (self.width, self.height) * 2
        x1, y1, x2, y2 = (boxes[..., i : i + 1] / size for i, size in enumerate(sizes))
        return {
            BOXES: ops.concatenate([y1, x1, y2, x2], axis=-1),
            CLASSES: ops.relu(ops.cast(classes, "float32")),
            SCORES: scores,
            COUNT: ops.cast(count, "float32"),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}
