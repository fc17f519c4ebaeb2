"""Models for the converter, which knows float32 only: without a trace of mixed precision."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from tsm_tf.models.clip import ClipModel

_HALF = {"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}


@contextlib.contextmanager
def float32_policy() -> Iterator[None]:
    """Context manager in which new layers compute in float32, whatever Keras' global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float32(model: ClipModel) -> ClipModel:
    """Returns a model whose layers compute in float32: the model itself, or a copy."""
    if not any(layer.dtype_policy.name in _HALF for layer in model.layers):
        return model

    def copy(layer):
        return type(layer).from_config(_replace_policies(layer.get_config()))

    copied = keras.models.clone_model(model, clone_function=copy)
    copied.set_weights(model.get_weights())
    return copied


def _replace_policies(config: Any) -> Any:
    """Replaces the policies in a layer's configuration, also those of layers inside it."""
    if isinstance(config, dict):
        is_policy = config.get("class_name") == "DTypePolicy"
        name = config["config"]["name"] if is_policy else None
        if name in _HALF:
            return "float32"
        return {key: _replace_policies(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_replace_policies(value) for value in config)
    return "float32" if isinstance(config, str) and config in _HALF else config
