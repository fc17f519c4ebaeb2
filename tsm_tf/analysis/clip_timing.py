"""Times clip models in Keras: compiled, in turns, on the device that the backend uses.

The backend is TensorFlow or JAX.
"""

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, TypeVar

import keras
import numpy as np

from tsm_tf.analysis.cost import NUM_BOXES
from tsm_tf.analysis.families import family
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec
from tsm_tf.versions import device

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}

Name = TypeVar("Name")


def check_backend() -> None:
    """Raises unless Keras has a backend whose models can be timed.

    Raises:
        InputError: names `KERAS_BACKEND`.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise InputError("KERAS_BACKEND", f"must be one of {', '.join(BACKENDS)}", backend)


def clip_calls(
    models: Mapping[Name, keras.Model],
    batch_size: int = 1,
) -> dict[Name, Callable[[], np.ndarray]]:
    """Returns one function per model that runs it, compiled, on a batch of clips.

    The clips are already on the device; the logits `[batch_size, classes]` are copied from it.

    Args:
        models: clip models by name.
        batch_size: clips per call. Models with inputs of the same shape get the same clips.

    Raises:
        InputError: Keras has another backend.
    """
    check_backend()
    call = _tensorflow_call if keras.backend.backend() == "tensorflow" else _jax_call
    inputs: dict[tuple[int, ...], Any] = {}
    calls = {}
    for name, model in models.items():
        values = []
        for tensor in model.inputs:
            shape = (batch_size, *(size or NUM_BOXES for size in tensor.shape[1:]))
            if shape not in inputs:
                inputs[shape] = keras.ops.convert_to_tensor(_random_inputs(shape, model))
            values.append(inputs[shape])
        calls[name] = call(model, values if len(values) > 1 else values[0])
    return calls


def _random_inputs(shape, model):
    """Returns pixels of clips `[B, T, H, W, C]`, or corners of boxes `[B, T, R, 4]` in pixels."""
    random = np.random.default_rng(0)
    if len(shape) == 5:
        return random.integers(0, 256, shape, dtype=np.uint8).astype("float32")
    largest = model.inputs[0].shape[2] - 1
    corners = np.sort(random.random((*shape[:-1], 2, 2), dtype="float32"), axis=-2)
    return largest * corners.reshape(shape)


def _tensorflow_call(model, inputs):
    import tensorflow as tf

    compiled = tf.function(model, jit_compile=False)
    return lambda: compiled(inputs, training=False).numpy()


def _jax_call(model, inputs):
    import jax  # pyright: ignore[reportMissingImports]

    @jax.jit
    def compiled(trainable, others, inputs):
        return model.stateless_call(trainable, others, inputs, training=False)[0]

    trainable = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    return lambda: np.asarray(compiled(trainable, others, inputs))


def is_out_of_memory(error: Exception) -> bool:
    """Returns whether the backend raised an error because the device's memory is full."""
    texts = (type(error).__name__, str(error))
    return isinstance(error, MemoryError) or any(
        word in text for text in texts for word in ("ResourceExhausted", "RESOURCE_EXHAUSTED")
    )


def timed_device() -> str:
    """Returns the name of the first GPU that the backend uses, or of the processor."""
    if keras.backend.backend() == "jax":
        import jax  # pyright: ignore[reportMissingImports]

        first = jax.devices()[0]
        return device() if first.platform == "cpu" else first.device_kind

    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return device()
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def software() -> str:
    """Returns the versions that the times depend on."""
    backend = keras.backend.backend()
    return f"Keras {keras.__version__} and {BACKENDS[backend]} {metadata.version(backend)}"


def describe(spec: ModelSpec) -> str:
    """Returns a short name for a model, such as `TSM resnet50 8f 224 px`."""
    kind = family(spec)
    if spec.shift_mode == "unidirectional":
        kind = f"online {kind}"
    width = f" {spec.width:g}" if spec.width != 1 else ""
    non_local = " NL" if spec.non_local else ""
    return f"{kind}{non_local} {spec.backbone}{width} {spec.num_segments}f {spec.input_size} px"
