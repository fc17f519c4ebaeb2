"""TSM, the Temporal Shift Module (Lin, Gan, Wang, Han), for Keras, TensorFlow and phones.

Names load on first use (PEP 562): `import tsm_tf` loads neither Keras nor TensorFlow.
"""

import importlib

from tsm_tf import keras_registration
from tsm_tf.errors import missing_extra

__version__ = "0.1.0"  # setup.cfg reads it here

_MODULE_OF_NAME = {
    "Augmentation": "tsm_tf.data.augment",
    "ClipModel": "tsm_tf.models.clip",
    "InputError": "tsm_tf.errors",
    "Listing": "tsm_tf.data.listing",
    "ModelSpec": "tsm_tf.spec",
    "NonLocal": "tsm_tf.layers.non_local",
    "SegmentConsensus": "tsm_tf.layers.consensus",
    "StreamModel": "tsm_tf.models.stream",
    "StreamingTemporalShift": "tsm_tf.layers.streaming_temporal_shift",
    "TemporalPool": "tsm_tf.layers.temporal_pool",
    "TemporalShift": "tsm_tf.layers.temporal_shift",
    "build_model": "tsm_tf.models.clip",
    "build_stream_model": "tsm_tf.models.stream",
    "clip_dataset": "tsm_tf.data.pipeline",
    "find_shift_sites": "tsm_tf.models.retrofit",
    "load_checkpoint": "tsm_tf.weights.checkpoint",
    "load_official_weights": "tsm_tf.weights.official",
    "load_preset": "tsm_tf.weights.presets.load",
    "retrofit": "tsm_tf.models.retrofit",
    "save_checkpoint": "tsm_tf.weights.checkpoint",
}

__all__ = list(_MODULE_OF_NAME)  # pyright: ignore[reportUnsupportedDunderAll]

keras_registration.register()


def __getattr__(name: str):
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module 'tsm_tf' has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_MODULE_OF_NAME[name]), name)
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is None:
            raise
        raise ImportError(f"`tsm_tf.{name}`: {line}", name=error.name) from None
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
