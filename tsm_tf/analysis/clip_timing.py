"""Times clip models in Keras: compiled, in turns, on the device that TensorFlow uses."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from tsm_tf.spec import ModelSpec
from tsm_tf.versions import device

Name = TypeVar("Name")


def clip_calls(
    models: Mapping[Name, keras.Model],
    batch_size: int = 1,
) -> dict[Name, Callable[[], object]]:
    """Returns one function per model that runs it, compiled, on a batch of clips.

    Args:
        models: clip models by name.
        batch_size: clips per call. Models with inputs of the same shape get the same clips.
    """
    clips: dict[tuple[int, ...], tf.Tensor] = {}
    calls = {}
    for name, model in models.items():
        shape = (batch_size, *model.input.shape[1:])
        if shape not in clips:
            values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
            clips[shape] = tf.constant(values, tf.float32)
        calls[name] = _call(model, clips[shape])
    return calls


def _call(model, clips):
    compiled = tf.function(model, jit_compile=False)
    return lambda: compiled(clips, training=False).numpy()


def timed_device() -> str:
    """Returns the name of the first GPU that TensorFlow uses, or of the processor."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return device()
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def software() -> str:
    """Returns the versions that the times depend on."""
    return f"Keras {keras.__version__} and TensorFlow {tf.__version__}"


def describe(spec: ModelSpec) -> str:
    """Returns a short name for a model, such as `TSM resnet50 8f`."""
    kind = {"none": "TSN", "unidirectional": "online TSM", "bidirectional": "TSM"}[spec.shift_mode]
    width = f" {spec.width:g}" if spec.width != 1 else ""
    non_local = " NL" if spec.non_local else ""
    return f"{kind}{non_local} {spec.backbone}{width} {spec.num_segments}f {spec.input_size} px"
