"""A converted file on its way to a finished export: opened once, edited, sealed once."""

import functools
from collections.abc import Mapping, Sequence

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from export.format import jester, metadata
from export.format.operators import operator_name
from export.format.reader import IDENTIFIER, TYPES, Graph, Operator, Signature, Tensor
from export.tflite import standard_metadata
from export.tflite.io_types import set_float_borders, set_image_type, set_result_type
from tsm_tf.any_spec import AnySpec
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


class Draft:
    """A `.tflite` file that is being edited.

    The bytes are unpacked to objects when the draft is made, and packed again by `seal`. Everything
    in between works on the objects.

    Args:
        content: bytes of a `.tflite` file with one graph and one signature.

    Example:
        >>> draft = Draft(convert(model, online=True, variant="int8", calibration=clips))
        >>> draft.set_io_types("uint8", "float32")
        >>> path.write_bytes(draft.seal(model.spec, "int8"))
    """

    def __init__(self, content: bytes):
        self._model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))

    @functools.cached_property
    def graph(self) -> Graph:
        """The graph as `export.format.reader` would read it, without the operators' options."""
        graph = self._model.subgraphs[0]
        return Graph(
            tensors=[_tensor(tensor) for tensor in graph.tensors],
            inputs=_ints(graph.inputs),
            outputs=_ints(graph.outputs),
            operators=[_operator(op, self._model.operatorCodes) for op in graph.operators],
        )

    @functools.cached_property
    def signature(self) -> Signature:
        """The signature as `export.format.reader` would read it."""
        signature = self._model.signatureDefs[0]
        inputs, outputs = (
            {_text(entry.name): int(entry.tensorIndex) for entry in entries}
            for entries in (signature.inputs, signature.outputs)
        )
        return Signature(_text(signature.signatureKey), signature.subgraphIndex, inputs, outputs)

    def set_io_types(self, image_type: str, logits_type: str) -> None:
        """Changes the types of the image and the results of an int8 file; the caches stay int8.

        Results that a layer in float32 computes are not rounded.

        Args:
            image_type: `"uint8"`, or `"int8"` (a pixel's byte minus 128).
            logits_type: `"float32"` or `"int8"`, for the logits, or other results.

        Raises:
            InputError: the image was not calibrated to the range 0..255.
        """
        image = self.graph.tensors[self.signature.inputs["image"]]
        if (image.dtype, image.scale, image.zero_point) != ("int8", (1.0,), (-128,)):
            rule = (
                "must be calibrated on frames from 0 to 255, "
                "so that its scale is 1 and its zero point -128"
            )
            received = f"{image.dtype}, {image.scale}, {image.zero_point}"
            raise InputError("image", rule, received)

        if image_type == "uint8":
            set_image_type(self._model, schema.TensorType.UINT8)
        if logits_type == "float32":
            for name in sorted(self.signature.outputs.keys() - self.signature.inputs.keys()):
                set_result_type(self._model, name, schema.TensorType.FLOAT32)
        del self.graph, self.signature  # they describe the file as it was

    def set_float_borders(self) -> None:
        """Makes the image, the caches and the results of an int8 file float32.

        Raises:
            InputError: see `read_initial_caches`.
        """
        self.read_initial_caches()  # afterwards, caches that differ in and out would go unnoticed
        set_float_borders(self._model)
        del self.graph, self.signature  # they describe the file as it was

    def order_outputs(self, names: Sequence[str]) -> None:
        """Puts these outputs before the others, which stay in their order."""
        first = [self.signature.outputs[name] for name in names]
        graph = self._model.subgraphs[0]
        graph.outputs = [*first, *(index for index in graph.outputs if index not in first)]
        self.__dict__.pop("graph", None)  # it describes the file as it was

    def read_initial_caches(self) -> dict[str, int]:
        """Returns the value of each cache before the first frame: zero in the cache's own type.

        Raises:
            InputError: a cache leaves the model with another shape, type, scale or zero point than
                it enters with. Its bytes would mean something else one frame later, which would
                show only as a lower accuracy.
        """
        inputs, outputs = self.signature.inputs, self.signature.outputs
        initial = {}
        for name in sorted(set(inputs) - {"image"}):
            before, after = self.graph.tensors[inputs[name]], self.graph.tensors[outputs[name]]
            for what in ("shape", "dtype", "scale", "zero_point"):
                received = getattr(before, what), getattr(after, what)
                if received[0] != received[1]:
                    rule = f"must have the same {what} in and out to be fed back exactly"
                    raise InputError(name, rule, f"{received[0]} and {received[1]}")
            initial[name] = before.zero_point[0] if before.zero_point else 0
        return initial

    def seal(
        self,
        spec: AnySpec,
        variant: str = "float32",
        initial_caches: Mapping[str, int] | None = None,
    ) -> bytes:
        """Packs the file with the project's and the standard metadata, a checksum, and the labels.

        Args:
            spec: the model's spec.
            variant: how the model is quantised, one of `export.tflite.VARIANTS`.
            initial_caches: value of each cache before the first frame; None reads them from the
                file (`read_initial_caches`).

        Raises:
            InputError: see `read_initial_caches`; or a label that the label file cannot hold.
        """
        if initial_caches is None:
            initial_caches = self.read_initial_caches()
        rules = None
        if isinstance(spec, ModelSpec):
            rules = jester.smoothing_rules(spec.labels).at_rate(spec.fps)
        stream = metadata.stream_json(variant, dict(initial_caches), rules)
        description = standard_metadata.describe(self.graph, self.signature, spec)

        self._set_metadata(metadata.NAME, spec.to_json().encode())
        self._set_metadata(metadata.STREAM_NAME, stream.encode())
        self._set_metadata(standard_metadata.NAME, description)
        self._set_metadata(metadata.CHECKSUM, bytes(4))
        return metadata.seal(standard_metadata.append_label_file(_pack(self._model), spec))

    def _set_metadata(self, name, data):
        self._model.metadata = self._model.metadata or []
        entry = next((m for m in self._model.metadata if _text(m.name) == name), None)
        if entry is None:
            entry = schema.MetadataT()
            entry.name, entry.buffer = name.encode(), len(self._model.buffers)
            self._model.metadata.append(entry)
            self._model.buffers.append(schema.BufferT())
        # A list, not an array: `_pack` writes equal arrays once, and the checksum needs its own.
        self._model.buffers[entry.buffer].data = list(data)


def _pack(model) -> bytes:
    """Returns a model's bytes, with equal vectors written once.

    Zero points alone would otherwise take a tenth of an int8 file.
    """

    class Builder(flatbuffers.Builder):
        def CreateNumpyVector(self, x):
            key = x.dtype.str, x.tobytes()
            if key not in written:
                written[key] = super().CreateNumpyVector(x)
            return written[key]

    written = {}
    builder = Builder()
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _tensor(tensor):
    quantization = tensor.quantization
    return Tensor(
        name=_text(tensor.name),
        shape=_ints(tensor.shape),
        dtype=TYPES[tensor.type],
        buffer=tensor.buffer,
        is_static=-1 not in _ints(tensor.shapeSignature),
        scale=tuple(float(v) for v in _values(quantization and quantization.scale)),
        zero_point=_ints(quantization and quantization.zeroPoint),
        axis=quantization.quantizedDimension if quantization else 0,
    )


def _operator(operator, codes):
    code = codes[operator.opcodeIndex]
    builtin = max(code.deprecatedBuiltinCode, code.builtinCode)
    return Operator(
        name=_text(code.customCode) or operator_name(builtin),
        version=code.version,
        inputs=_ints(operator.inputs),
        outputs=_ints(operator.outputs),
        options=None,
        options_type=operator.builtinOptionsType,
    )


def _values(vector):
    return () if vector is None else vector


def _ints(vector):
    return tuple(int(value) for value in _values(vector))


def _text(name):
    return name.decode() if isinstance(name, bytes) else name or ""
