"""The clip model: `[B, T, H, W, C]` frames in, logits out (paper, section 4.1)."""

import keras
from keras import ops

from tsm_tf.layers.consensus import SegmentConsensus
from tsm_tf.layers.non_local import NonLocal
from tsm_tf.layers.temporal_pool import TemporalPool
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.network import NON_LOCAL_AFTER, Network, build_network, pool_after
from tsm_tf.spec import ModelSpec

PREPROCESS = "normalise_frames"


def build_model(spec: ModelSpec, preprocess: bool = True, per_frame: bool = False) -> keras.Model:
    """Builds a clip model with fresh weights.

    Args:
        spec: what to build; it stays with the model as `model.spec`.
        preprocess: the model takes values in 0..255 (uint8 or float) and normalises them; False for input that is
            already normalised.
        per_frame: leaves out the consensus.

    Returns:
        A functional model from `[B, num_segments, input_size, input_size, channels]` to logits `[B, num_classes]`,
        or `[B, num_segments, num_classes]` with `per_frame` (half the segments with temporal pooling).
    """
    return clip_model(build_network(spec), spec, preprocess, per_frame)


def clip_model(network: Network, spec: ModelSpec, preprocess: bool, per_frame: bool) -> keras.Model:
    """Makes the clip model of a 2D network, with its layers; see `build_model`."""
    size = spec.input_size
    clip = keras.Input((spec.num_segments, size, size, spec.channels), name="image")
    frames = ops.reshape(clip, (-1, size, size, spec.channels))
    if preprocess and not spec.normalises_itself:
        frames = normalise(frames, spec, new_rescaling(spec, size))
    insertions = _Insertions(spec)
    frame_logits = network.replay(frames, insertions.shift, insertions.after)
    consensus = "identity" if per_frame else "average"
    # float32 whatever the policy: a loss on half-precision logits loses the small ones.
    logits = SegmentConsensus(
        insertions.num_segments, consensus, name="consensus", dtype="float32"
    )(frame_logits)
    model = keras.Model(clip, logits, name=f"tsm_{network.model.name}")
    model.spec, model.network = spec, network
    return model


def normalise(frames, spec: ModelSpec, rescaling: keras.layers.Layer):
    """Returns `(frames / 255 - mean) / std` in the network's order of channels, by a layer of `new_rescaling`."""
    shape = (-1, spec.input_size, spec.input_size, spec.channels)
    if len(rescaling.scale) == spec.channels:
        frames = rescaling(frames)
    else:
        frames = ops.reshape(
            rescaling(ops.reshape(frames, (*shape[:2], len(rescaling.scale)))), shape
        )
    return ops.flip(frames, axis=-1) if spec.channel_order == "bgr" else frames


def new_rescaling(spec: ModelSpec, num_pixels: int) -> keras.layers.Layer:
    """Returns the layer that normalises `num_pixels` pixels side by side: 1, or `input_size`, a row.

    Vector code is slow on an innermost axis of 3: on rows of pixels, a frame of MobileNetV2 takes 10% less in TFLite.
    """
    scale = [1 / (255 * std) for std in spec.std] * num_pixels
    offset = [-mean / std for mean, std in zip(spec.mean, spec.std, strict=True)] * num_pixels
    return keras.layers.Rescaling(scale, offset, name=PREPROCESS)


class _Insertions:
    """What a clip model puts between a network's layers; it knows how many segments are left at each place."""

    def __init__(self, spec: ModelSpec):
        self.spec = spec
        self.num_segments = spec.num_segments
        self.pool_after = pool_after(spec)

    def shift(self, name, x):
        return TemporalShift(
            self.num_segments, self.spec.shift_div, self.spec.shift_mode, name=name
        )(x)

    def after(self, name, x):
        if name == self.pool_after:
            x = TemporalPool(self.num_segments, name="temporal_pool")(x)
            self.num_segments //= 2
        if self.spec.non_local and name in NON_LOCAL_AFTER:
            x = NonLocal(self.num_segments, name=f"{name}_nl")(x)
        return x
