"""The spec inside a `.tflite` file, so that a model needs no file beside it.

The metadata named `TSM_SPEC` holds the JSON of `ModelSpec.to_json`. Reading needs no interpreter.
"""

import pathlib

from export.model_file import read_model
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

NAME = "TSM_SPEC"


def add_spec(model: bytes, spec: ModelSpec) -> bytes:
    """Returns a `.tflite` file's bytes with the spec inside; needs TensorFlow."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    buffer = schema.BufferT()
    buffer.data = list(spec.to_json().encode())
    tree.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME.encode(), len(tree.buffers) - 1
    tree.metadata = [*(tree.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def read_spec(path: pathlib.Path) -> ModelSpec:
    """Returns the spec inside a `.tflite` file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, a damaged one, or one that this project did not write.
    """
    text = read_model(path).metadata.get(NAME)
    if text is None:
        raise InputError("model", "must be a file written by export.tflite, with the model's spec inside", str(path))
    try:
        return ModelSpec.from_json(text.tobytes().decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("model", f"must hold a spec that this version knows ({error})", str(path)) from None
