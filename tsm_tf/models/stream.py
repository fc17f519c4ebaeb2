"""The stream model: a frame and caches in, logits and new caches out (section 4.2, Fig. 4)."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError
from tsm_tf.layers.consensus import SegmentConsensus
from tsm_tf.layers.part import part
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.frame_range import FrameRange
from tsm_tf.models.graph import call_again, replay
from tsm_tf.models.preprocessing import PrepareFrames, find_preparation
from tsm_tf.spec import ModelSpec

IMAGE = "image"
LOGITS = "logits"
_DARK_FRAMES = 10  # that a stream may start with


@keras.saving.register_keras_serializable(package="tsm_tf")
class StreamModel(keras.Model):
    """A functional model that takes one frame at a time, or a few, with explicit state.

    It maps `{"image": [B, H, W, C], "shift_00": [B, h, w, c], ...}` to
    `{"logits": [B, num_classes], "shift_00": ..., ...}`. Outputs that have an input's name are the
    state for the next frame. With k frames per step, the image is `[k * B, H, W, C]`, and the
    logits are `[k * B, num_classes]`: first the first frame of each stream, then the second.

    Example:
        >>> stream = model.stream()
        >>> state = stream.initial_state(batch_size=1)
        >>> for frame in frames:
        ...     outputs = stream({"image": frame[None], **state})
        ...     logits = outputs.pop("logits")
        ...     state = outputs
    """

    # The constructor is that of a functional model, so Keras can rebuild the model by itself.
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self._frame_range = FrameRange(_DARK_FRAMES)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], dict) and find_preparation(self).normalise:
            self._frame_range.check(args[0].get(IMAGE))
        return super().__call__(*args, **kwargs)

    @property
    def spec(self) -> ModelSpec:
        """What the clip model was built from."""
        return find_preparation(self).spec

    @property
    def receptive_field(self) -> int:
        """Number of frames that can influence the current logits; see `ClipModel`."""
        return len(self.input)  # one frame per cache, and the current one

    @property
    def frames_per_step(self) -> int:
        """Number of frames of each stream in one call; 1 for a model without caches."""
        num_images = self.input[IMAGE].shape[0]
        num_streams = next(
            (x.shape[0] for name, x in self.input.items() if name != IMAGE),
            num_images,
        )
        return 1 if num_images is None else num_images // num_streams

    def initial_state(self, batch_size: int = 1) -> dict[str, Any]:
        """Returns the caches of streams that have seen no frame: zeros, by name.

        They are tensors, like the outputs; Keras does not accept a mix of tensors and arrays.
        """
        caches = {name: x for name, x in self.input.items() if name != IMAGE}
        return {name: ops.zeros((batch_size, *x.shape[1:]), x.dtype) for name, x in caches.items()}


class ShiftCaches:
    """The caches of a stream's shifts, as inputs and outputs of a functional model.

    Args:
        shift_div: `1 / shift_div` of the channels are cached.
        batch_size: number of streams side by side, or None.
        frames_per_step: number of frames of each stream per step; more than 1 need a batch size.

    Attributes:
        inputs: the caches of the last step, by the names of the shifts.
        outputs: those of this step, by the same names.
    """

    def __init__(self, shift_div: int, batch_size: int | None, frames_per_step: int = 1):
        self.shift_div = shift_div
        self.batch_size = batch_size
        self.frames_per_step = frames_per_step
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def swap(self, name: str, x: Any) -> Any:
        """Replaces the first channels by those of the frame before, and caches the last ones."""
        fold = x.shape[-1] // self.shift_div
        self.inputs[name] = keras.Input((*x.shape[1:-1], fold), self.batch_size, name=name)
        before, own = self.inputs[name], part(x, -1, 0, fold)
        if self.frames_per_step > 1:
            count = before.shape[0]
            earlier = own.shape[0] - count
            before = ops.concatenate([before, part(own, 0, 0, earlier)], axis=0)
            own = part(own, 0, earlier, count)
        self.outputs[name] = own
        return ops.concatenate([before, part(x, -1, fold, x.shape[-1] - fold)], axis=-1)


def build_stream_model(
    model: Any,
    batch_size: int | None = None,
    by_rows: bool = True,
    frames_per_step: int = 1,
) -> StreamModel:
    """Builds the model that takes one frame at a time; it has the same layers as the clip model.

    Frame by frame, from `initial_state`, it computes the clip model's logits per frame.

    Args:
        model: a `ClipModel` with a unidirectional shift, or without one (the plain 2D network,
            which has no caches).
        batch_size: number of streams side by side; None leaves it open, or is 1 for several
            frames per step.
        by_rows: see `PrepareFrames`.
        frames_per_step: number of consecutive frames of each stream in one call, which computes
            what as many calls with one frame compute. Servers and GPUs need fewer calls.

    Raises:
        InputError: the model needs the whole clip (see `ModelSpec.check_streamable`), or there is
            no frame per step.
    """
    if frames_per_step < 1:
        raise InputError("frames_per_step", "must be at least 1", frames_per_step)
    spec = model.spec
    spec.check_streamable()
    shape = (spec.input_size, spec.input_size, spec.channels)
    if frames_per_step > 1 and batch_size is None:
        batch_size = 1
    num_images = None if batch_size is None else frames_per_step * batch_size
    image = keras.Input(shape, num_images, name=IMAGE)
    caches = ShiftCaches(spec.shift_div, batch_size, frames_per_step)

    def change(node, values):
        layer, x = node.operation, values.get(id(node.input_tensors[0]))
        if isinstance(layer, PrepareFrames):
            prepare = PrepareFrames(spec, layer.normalise, by_rows, name=layer.name)
            return prepare(image)
        if isinstance(layer, TemporalShift):
            return caches.swap(layer.name, x)
        return x if isinstance(layer, SegmentConsensus) else call_again(node, values)

    logits = replay(model, image, change)
    return StreamModel(
        {IMAGE: image, **caches.inputs},
        {LOGITS: logits, **caches.outputs},
        name=f"{model.name}_stream",
    )
