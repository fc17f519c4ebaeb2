"""Runs online and clip models with numpy and one TFLite interpreter."""

import os
import pathlib

import numpy as np

from export.format.metadata import read_contents
from export.runtime.interpreter import load_interpreter, signature
from tsm_tf.errors import InputError


class StreamRunner:
    """An online TSM with the state of its stream, or of several streams side by side.

    Quantised files are used like the others: types and scales are converted here. The caches stay
    in the interpreter's memory. After each frame, the new caches are copied directly onto the
    inputs.

    Args:
        path: a file of `python -m export.tflite --online`.
        num_threads: number of interpreter threads.
        runtime: which interpreter to use; see `load_interpreter`.
        delegate: what the interpreter delegates the model to; see `load_interpreter`.

    Attributes:
        spec: the model's `ModelSpec`.
        labels: class names, or class numbers if the model has no names.
        smoothing: the file's `SmoothingRules`.
        num_streams: number of streams side by side (`--streams` of the export).
        runtime: the name of the interpreter in use.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, not a file of this project, a clip model, or anything that
            `load_interpreter` refuses.
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
        contents = read_contents(path)
        self.spec = contents.spec
        self.smoothing = contents.smoothing
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self._initial_caches = contents.initial_caches

        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime, delegate)
        inputs, outputs = signature(self.interpreter)
        shape = (self.spec.input_size, self.spec.input_size, self.spec.channels)
        if not _is_online(inputs, outputs, shape):
            rule = (
                "must be an online model (python -m export.tflite --online), "
                f"from images {shape} to logits"
            )
            raise InputError("model", rule, str(path))
        self.num_streams = int(inputs["image"]["shape"][0])
        self._shape = shape if self.num_streams == 1 else (self.num_streams, *shape)

        # Keep functions, not views: the interpreter does not run while a view of its memory exists.
        tensor = self.interpreter.tensor
        image, logits = inputs.pop("image"), outputs.pop("logits")
        self._image = tensor(image["index"])
        self._logits = tensor(logits["index"])
        self._quantization = logits["quantization"]
        self._caches = {
            name: (tensor(inputs[name]["index"]), tensor(outputs[name]["index"]))
            for name in sorted(inputs)
        }
        self.reset()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Runs the model on the next frame of the stream, or on one frame of each stream.

        Args:
            frame: RGB `[input_size, input_size, 3]`, uint8 or float in 0..255;
                `[num_streams, ...]` for several streams.

        Returns:
            `float32 [num_classes]` logits of the stream up to this frame;
            `[num_streams, num_classes]` for several streams.

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

        logits = get_logits(self._logits(), self._quantization)
        return logits[0] if self.num_streams == 1 else logits

    def reset(self, stream: int | None = None) -> None:
        """Resets one stream, or all: the next frame is treated as the first."""
        rows = slice(None) if stream is None else stream
        for name, (cache, _) in self._caches.items():
            cache()[rows] = self._initial_caches.get(name, 0)


class ClipRunner:
    """A clip model: `uint8 [num_segments, input_size, input_size, channels]` to logits.

    Arguments and errors are those of `StreamRunner`.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        num_threads: int = 1,
        runtime: str = "auto",
        delegate: str = "none",
    ):
        path = pathlib.Path(path)
        self.spec = read_contents(path).spec

        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime, delegate)
        inputs, outputs = signature(self.interpreter)
        if (
            set(inputs) != {"image"}
            or len(inputs["image"]["shape"]) != 5
            or set(outputs) != {"logits"}
        ):
            rule = "must be a clip model (python -m export.tflite without --online)"
            raise InputError("model", rule, str(path))

        self._image = self.interpreter.tensor(inputs["image"]["index"])
        self._logits = self.interpreter.tensor(outputs["logits"]["index"])
        self._quantization = outputs["logits"]["quantization"]

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """Returns the logits of a clip, `float32 [num_classes]`."""
        put_image(self._image(), clip)
        self.interpreter.invoke()
        return get_logits(self._logits(), self._quantization)[0]


def put_image(tensor: np.ndarray, frames: np.ndarray) -> None:
    """Writes frames of 0..255 into a model's input.

    An int8 input is a pixel minus 128, which is computed without a copy.
    """
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
    """Returns a copy of a model's output as float32."""
    if tensor.dtype == np.float32:
        return tensor.copy()
    scale, zero_point = quantization
    return (tensor.astype(np.float32) - zero_point) * np.float32(scale)


def _is_online(inputs, outputs, shape):
    caches = set(inputs) - {"image"}
    return (
        "image" in inputs
        and "logits" in outputs
        and caches == set(outputs) - {"logits"}
        and len(inputs["image"]["shape"]) == 4
        and tuple(inputs["image"]["shape"][1:]) == shape
    )
