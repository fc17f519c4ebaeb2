"""The streaming model: one frame and the caches in, logits and the new caches out (paper, section 4.2, Fig. 4)."""

import keras
from keras import ops

from tsm_tf.backbones.blocks import Hooks
from tsm_tf.models.clip import PREPROCESS, apply_network


def build_stream_model(model: keras.Model, batch_size: int | None = None) -> keras.Model:
    """Builds the one-frame view of a clip model; it has the same layers, so training one trains both.

    Frame by frame, from `zero_caches`, it gives the clip model's per-frame logits.

    Args:
        model: a model of `build_model` or `load_checkpoint`, with `shift_mode` unidirectional or none (the plain 2D
            network, without caches).
        batch_size: streams side by side; None leaves it open.

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

    def shift(x):
        if spec.shift_mode == "none":
            return x
        name, fold = f"shift_{len(outputs):02d}", x.shape[-1] // spec.shift_div
        inputs[name] = keras.Input((*x.shape[1:-1], fold), batch_size, name=name)
        outputs[name] = x[..., :fold]
        return ops.concatenate([inputs[name], x[..., fold:]], axis=-1)

    def shared_layer(layer_class, name, **config):
        return model.get_layer(name)

    hooks = Hooks(shared_layer, shift, lambda name, x: x, spec.shift_place == "block")
    preprocess = any(layer.name == PREPROCESS for layer in model.layers)
    logits = apply_network(image, spec, hooks, preprocess)
    stream = keras.Model(inputs, {"logits": logits, **outputs}, name=f"{model.name}_stream")
    stream.spec = spec
    return stream


def zero_caches(stream: keras.Model, batch_size: int = 1) -> dict:
    """Returns the caches of a stream that has seen no frame: zeros, as the clip model has before its first frame.

    They are tensors, as the outputs are: Keras takes no mix of tensors and arrays in one call.
    """
    inputs = {name: tensor for name, tensor in stream.input.items() if name != "image"}
    return {name: ops.zeros((batch_size, *x.shape[1:]), x.dtype) for name, x in inputs.items()}
