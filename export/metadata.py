"""The spec inside a `.tflite` file, so that a model needs no file beside it.

The metadata named `TSM_SPEC` holds the JSON of `ModelSpec.to_json`. Reading needs no interpreter.
"""

import pathlib

from export.model_file import parse_model, read_model
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

NAME = "TSM_SPEC"


def add_spec(model: bytes, spec: ModelSpec) -> bytes:
    """Returns a `.tflite` file's bytes with the spec inside, and with the standard metadata; needs TensorFlow.

    Raises:
        InputError: labels that the standard's label file cannot hold.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    from export import standard_metadata

    standard = standard_metadata.standard_metadata(parse_model(model), spec)
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    tree.metadata = tree.metadata or []
    for name, data in ((NAME, spec.to_json().encode()), (standard_metadata.NAME, standard)):
        entry = next((entry for entry in tree.metadata if entry.name.decode() == name), None)
        if entry is None:
            entry = schema.MetadataT()
            entry.name, entry.buffer = name.encode(), len(tree.buffers)
            tree.metadata.append(entry)
            tree.buffers.append(schema.BufferT())
        tree.buffers[entry.buffer].data = list(data)
    return standard_metadata.append_label_file(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)), spec)


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
