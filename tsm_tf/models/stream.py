"""The streaming model: one frame and the caches in, logits and the new caches out (paper, section 4.2, Fig. 4)."""

import keras
from keras import ops

from tsm_tf.models.clip import PREPROCESS, new_rescaling, normalise


def build_stream_model(
    model: keras.Model, batch_size: int | None = None, by_rows: bool = True
) -> keras.Model:
    """Builds the one-frame view of a clip model; it has the same layers, so training one trains both.

    Frame by frame, from `zero_caches`, it gives the clip model's per-frame logits.

    Args:
        model: a model of `build_model` or `load_checkpoint`, with `shift_mode` unidirectional or none (the plain 2D
            network, without caches).
        batch_size: streams side by side; None leaves it open.
        by_rows: normalises rows of pixels, which is quicker on a processor; False does it per channel, without the
            reshapes that an Edge TPU may refuse.

    Returns:
        A functional model from `{"image": [B, H, W, C], "shift_00": [B, h, w, c], ...}` to
        `{"logits": [B, num_classes], "shift_00": ...}`: take the logits, feed the rest back with the next image.

    Raises:
        InputError: the model cannot stream (bidirectional shift, non-local blocks, temporal pooling).
    """
    spec = model.spec
    spec.check_streamable()
    image = keras.Input((spec.input_size, spec.input_size, spec.channels), batch_size, name="image")
    inputs, outputs = {"image": image}, {}

    def shift(name, x):
        fold = x.shape[-1] // spec.shift_div
        inputs[name] = keras.Input((*x.shape[1:-1], fold), batch_size, name=name)
        outputs[name] = _channels(x, 0, fold)
        return ops.concatenate([inputs[name], _channels(x, fold, x.shape[-1] - fold)], axis=-1)

    normalises = any(layer.name == PREPROCESS for layer in model.layers)
    rescaling = new_rescaling(spec, spec.input_size if by_rows else 1)
    frames = normalise(image, spec, rescaling) if normalises else image
    logits = model.network.replay(frames, shift)
    stream = keras.Model(inputs, {"logits": logits, **outputs}, name=f"{model.name}_stream")
    stream.spec = spec
    return stream


def _channels(x, start, count):
    """A slice of a tensor of known shape is a SLICE in TFLite, and quicker there than Python's, a STRIDED_SLICE."""
    if None in x.shape:
        return x[..., start : start + count]
    return ops.slice(x, (0,) * (len(x.shape) - 1) + (start,), (*x.shape[:-1], count))


def zero_caches(stream: keras.Model, batch_size: int = 1) -> dict:
    """Returns the caches of a stream that has seen no frame: zeros, as the clip model has before its first frame.

    They are tensors, as the outputs are: Keras takes no mix of tensors and arrays in one call.
    """
    inputs = {name: tensor for name, tensor in stream.input.items() if name != "image"}
    return {name: ops.zeros((batch_size, *x.shape[1:]), x.dtype) for name, x in inputs.items()}
