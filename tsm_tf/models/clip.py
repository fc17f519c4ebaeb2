"""The clip model: `[B, T, H, W, C]` frames in, logits out (paper, section 4.1)."""

import keras
from keras import ops

from tsm_tf.backbones.blocks import Hooks
from tsm_tf.backbones.mobilenet_v2 import mobilenet_v2
from tsm_tf.backbones.resnet import resnet
from tsm_tf.layers.consensus import SegmentConsensus
from tsm_tf.layers.non_local import NonLocal
from tsm_tf.layers.temporal_pool import TemporalPool
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.spec import ModelSpec

NON_LOCAL_AFTER = ("layer2.0", "layer2.2", "layer3.0", "layer3.2", "layer3.4")
POOL_AFTER = "layer1"
HEAD, PREPROCESS = "head", "preprocess"


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
    size = spec.input_size
    clip = keras.Input((spec.num_segments, size, size, spec.channels), name="image")
    insertions = _ClipInsertions(spec)
    hooks = Hooks(_new_layer, insertions.shift, insertions.after, spec.shift_place == "block")
    frames = ops.reshape(clip, (-1, size, size, spec.channels))
    frame_logits = apply_network(frames, spec, hooks, preprocess)
    consensus = "identity" if per_frame else "average"
    # float32 whatever the policy: a loss on half-precision logits loses the small ones.
    logits = SegmentConsensus(insertions.num_segments, consensus, name="logits", dtype="float32")(frame_logits)
    model = keras.Model(clip, logits, name=f"tsm_{spec.backbone}")
    model.spec = spec
    return model


def apply_network(frames, spec: ModelSpec, hooks: Hooks, preprocess: bool):
    """Returns the logits `[B, num_classes]` of frames `[B, H, W, C]`: preprocessing, backbone, dropout, head."""
    if preprocess:
        frames = _normalise(frames, spec, hooks)
    if spec.backbone == "mobilenet_v2":
        features = mobilenet_v2(frames, spec.width, hooks)
    else:
        features = resnet(frames, spec.backbone, hooks)
    features = hooks.make(keras.layers.Dropout, "dropout", rate=spec.dropout)(features)
    initializer = keras.initializers.RandomNormal(stddev=0.001)  # the official head's
    return hooks.make(keras.layers.Dense, HEAD, units=spec.num_classes, kernel_initializer=initializer)(features)


def _normalise(frames, spec, hooks):
    """Returns `(frames / 255 - mean) / std`, computed on whole rows.

    Vector code is slow on an innermost axis of 3: on rows of pixels, a frame of MobileNetV2 takes 10% less in TFLite.
    """
    size = spec.input_size
    scale = [1 / (255 * std) for std in spec.std] * size
    offset = [-mean / std for mean, std in zip(spec.mean, spec.std, strict=True)] * size
    rows = ops.reshape(frames, (-1, size, size * spec.channels))
    rows = hooks.make(keras.layers.Rescaling, PREPROCESS, scale=scale, offset=offset)(rows)
    return ops.reshape(rows, (-1, size, size, spec.channels))


def _new_layer(layer_class, name, **config):
    return layer_class(name=name, **config)


class _ClipInsertions:
    """What a clip model puts between a backbone's layers; it knows how many segments are left at each place."""

    def __init__(self, spec: ModelSpec):
        self.spec = spec
        self.num_segments = spec.num_segments
        self.num_shifts = 0

    def shift(self, x):
        if self.spec.shift_mode == "none":
            return x
        name = f"shift_{self.num_shifts:02d}"
        self.num_shifts += 1
        return TemporalShift(self.num_segments, self.spec.shift_div, self.spec.shift_mode, name=name)(x)

    def after(self, name, x):
        if self.spec.temporal_pool and name == POOL_AFTER:
            x = TemporalPool(self.num_segments, name="temporal_pool")(x)
            self.num_segments //= 2
        if self.spec.non_local and name in NON_LOCAL_AFTER:
            x = NonLocal(self.num_segments, name=f"{name}.nl")(x)
        return x
