"""Runs an online model on a device: numpy and one TFLite interpreter, no TensorFlow, no Keras."""

import os
import pathlib

import numpy as np

from export.format.metadata import read_contents, read_spec
from export.runtime.interpreter import load_interpreter, signature
from tsm_tf.errors import InputError


class StreamRunner:
    """An online TSM and the state of its stream, or of several side by side.

    Quantised files are used like the others: their types and scales are dealt with here. The caches stay in the
    interpreter's memory: after each frame the new ones are copied onto the inputs, without a copy of their own in
    between.

    Args:
        path: a file of `python -m export.tflite --online`.
        num_threads: of the interpreter.
        runtime, delegate: which interpreter, and what it hands the model over to; see `load_interpreter`.

    Attributes:
        spec: the model's `ModelSpec`.
        labels: class names, or their numbers where it has none.
        num_streams: of the file (`--streams`).
        runtime: the name of the interpreter in use.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, not of this project, or a clip model; or what `load_interpreter` refuses.
        ModuleNotFoundError: no interpreter is installed.

    Example:
        >>> runner = StreamRunner("mobilenet_v2_online_float32.tflite")
        >>> logits = runner.step(frame)      # uint8 [224, 224, 3] RGB -> float32 [num_classes]
        >>> runner.reset()                   # before another stream
    """

    def __init__(
        self,
        path: str | os.PathLike,
        num_threads: int = 1,
        runtime: str = "auto",
        delegate: str = "none",
    ):
        path = pathlib.Path(path)
        self.spec, _, self._start, _ = read_contents(path)
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime, delegate)
        inputs, outputs = signature(self.interpreter)
        shape = (self.spec.input_size, self.spec.input_size, self.spec.channels)
        is_online = (
            "logits" in outputs
            and "image" in inputs
            and set(inputs) - {"image"} == set(outputs) - {"logits"}
        )
        if (
            not is_online
            or len(inputs["image"]["shape"]) != 4
            or tuple(inputs["image"]["shape"][1:]) != shape
        ):
            rule = f"must be an online model (python -m export.tflite --online), from images {shape} to logits"
            raise InputError("model", rule, str(path))
        self.num_streams = int(inputs["image"]["shape"][0])
        self._shape = shape if self.num_streams == 1 else (self.num_streams, *shape)
        # Functions, not views: the interpreter refuses to run while somebody holds a view of its memory.
        tensor = self.interpreter.tensor
        self._image = tensor(inputs.pop("image")["index"])
        self._logits, self._scale = (
            tensor(outputs["logits"]["index"]),
            outputs.pop("logits")["quantization"],
        )
        self._caches = {
            n: (tensor(inputs[n]["index"]), tensor(outputs[n]["index"])) for n in sorted(inputs)
        }
        self.reset()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Takes the next frame of the stream, or one of each.

        Args:
            frame: RGB `[input_size, input_size, 3]`, uint8 or float in 0..255; `[num_streams, ...]` for several.

        Returns:
            `float32 [num_classes]` logits of the stream up to this frame; `[num_streams, num_classes]` for several.

        Raises:
            InputError: another shape, or a type that is neither uint8 nor float.
        """
        if not isinstance(frame, np.ndarray) or frame.shape != self._shape:
            received = getattr(frame, "shape", type(frame).__name__)
            raise InputError("frame", f"must be an array of the shape {self._shape}", received)
        if frame.dtype != np.uint8 and frame.dtype.kind != "f":
            raise InputError("frame", "must be uint8, or float in 0..255", frame.dtype.name)
        put_image(self._image(), frame)
        self.interpreter.invoke()
        for cache, new_cache in self._caches.values():
            np.copyto(cache(), new_cache())
        logits = get_logits(self._logits(), self._scale)
        return logits[0] if self.num_streams == 1 else logits

    def reset(self, stream: int | None = None) -> None:
        """Forgets a stream, or all: the next frame is a first frame."""
        for name, (cache, _) in self._caches.items():
            cache()[slice(None) if stream is None else stream] = self._start.get(name, 0)


class ClipRunner:
    """A clip model: `uint8 [num_segments, input_size, input_size, channels]` to `float32 [num_classes]` logits.

    Args and raises: as `StreamRunner`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        num_threads: int = 1,
        runtime: str = "auto",
        delegate: str = "none",
    ):
        path = pathlib.Path(path)
        self.spec = read_spec(path)
        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime, delegate)
        inputs, outputs = signature(self.interpreter)
        if (
            set(inputs) != {"image"}
            or len(inputs["image"]["shape"]) != 5
            or set(outputs) != {"logits"}
        ):
            raise InputError(
                "model",
                "must be a clip model (python -m export.tflite without --online)",
                str(path),
            )
        tensor = self.interpreter.tensor
        self._image, self._logits = (
            tensor(inputs["image"]["index"]),
            tensor(outputs["logits"]["index"]),
        )
        self._scale = outputs["logits"]["quantization"]

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """Returns the logits of a clip."""
        put_image(self._image(), clip)
        self.interpreter.invoke()
        return get_logits(self._logits(), self._scale)[0]


def put_image(tensor: np.ndarray, frames: np.ndarray) -> None:
    """Writes frames of 0..255 into a model's input; of int8, which is a pixel minus 128, without a copy in between."""
    if tensor.dtype == np.float32:
        np.copyto(tensor, frames, casting="unsafe")
        return
    if frames.dtype != np.uint8:
        frames = np.rint(np.clip(frames, 0, 255)).astype(np.uint8)
    if tensor.dtype == np.int8:
        np.bitwise_xor(frames, 0x80, out=tensor.view(np.uint8).reshape(frames.shape))
    else:
        np.copyto(tensor, frames)


def get_logits(tensor: np.ndarray, quantization: tuple[float, int]) -> np.ndarray:
    """Returns a model's output as float32, in memory of its own."""
    if tensor.dtype == np.float32:
        return tensor.copy()
    scale, zero_point = quantization
    return (tensor.astype(np.float32) - zero_point) * np.float32(scale)
