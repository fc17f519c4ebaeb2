"""The stream model: a frame and caches in, logits and new caches out (section 4.2, Fig. 4)."""

from typing import Any

import keras
from keras import ops

from tsm_tf.layers.consensus import SegmentConsensus
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
    """A functional model that takes one frame at a time, with explicit state.

    It maps `{"image": [B, H, W, C], "shift_00": [B, h, w, c], ...}` to
    `{"logits": [B, num_classes], "shift_00": ..., ...}`. Outputs that have an input's name are the
    state for the next frame.

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

    def initial_state(self, batch_size: int = 1) -> dict[str, Any]:
        """Returns the caches of streams that have seen no frame: zeros, by name.

        They are tensors, like the outputs; Keras does not accept a mix of tensors and arrays.
        """
        caches = {name: x for name, x in self.input.items() if name != IMAGE}
        return {name: ops.zeros((batch_size, *x.shape[1:]), x.dtype) for name, x in caches.items()}


def build_stream_model(
    model: Any,
    batch_size: int | None = None,
    by_rows: bool = True,
) -> StreamModel:
    """Builds the model that takes one frame at a time; it has the same layers as the clip model.

    Frame by frame, from `initial_state`, it computes the clip model's logits per frame.

    Args:
        model: a `ClipModel` with a unidirectional shift, or without one (the plain 2D network,
            which has no caches).
        batch_size: number of streams side by side; None leaves it open.
        by_rows: see `PrepareFrames`.

    Raises:
        InputError: the model needs the whole clip; see `ModelSpec.check_streamable`.
    """
    spec = model.spec
    spec.check_streamable()
    shape = (spec.input_size, spec.input_size, spec.channels)
    inputs, outputs = {IMAGE: keras.Input(shape, batch_size, name=IMAGE)}, {}

    def swap(name, x):
        """Replaces the first channels by those of the last frame, and gives out this frame's."""
        fold = x.shape[-1] // spec.shift_div
        inputs[name] = keras.Input((*x.shape[1:-1], fold), batch_size, name=name)
        outputs[name] = _channels(x, 0, fold)
        return ops.concatenate([inputs[name], _channels(x, fold, x.shape[-1] - fold)], axis=-1)

    def change(node, values):
        layer, x = node.operation, values.get(id(node.input_tensors[0]))
        if isinstance(layer, PrepareFrames):
            prepare = PrepareFrames(spec, layer.normalise, by_rows, name=layer.name)
            return prepare(inputs[IMAGE])
        if isinstance(layer, TemporalShift):
            return swap(layer.name, x)
        return x if isinstance(layer, SegmentConsensus) else call_again(node, values)

    logits = replay(model, inputs[IMAGE], change)
    return StreamModel(inputs, {LOGITS: logits, **outputs}, name=f"{model.name}_stream")


def _channels(x: Any, start: int, count: int) -> Any:
    """Returns some channels of a tensor.

    Where the shape is known, this becomes a SLICE in TFLite, which is faster than the STRIDED_SLICE
    of Python's indexing.
    """
    if None in x.shape:
        return x[..., start : start + count]
    starts = (0,) * (len(x.shape) - 1) + (start,)
    return ops.slice(x, starts, (*x.shape[:-1], count))
