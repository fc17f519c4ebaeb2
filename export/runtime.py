"""Runs an online model on a device: numpy and one TFLite interpreter, no TensorFlow, no Keras."""

import os
import pathlib

import numpy as np

from export.interpreter import load_interpreter, signature
from export.metadata import read_spec
from tsm_tf.errors import InputError


class StreamRunner:
    """An online TSM and the state of one stream.

    The caches stay in the interpreter's memory: after each frame the new ones are copied onto the inputs, without a
    copy of their own in between.

    Args:
        path: a file of `python -m export.tflite --online`.
        num_threads: of the interpreter.
        runtime, delegate: which interpreter, and what it hands the model over to; see `load_interpreter`.

    Attributes:
        spec: the model's `ModelSpec`.
        labels: class names, or their numbers where it has none.
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

    def __init__(self, path: str | os.PathLike, num_threads: int = 1, runtime: str = "auto", delegate: str = "none"):
        path = pathlib.Path(path)
        self.spec = read_spec(path)
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime, delegate)
        inputs, outputs = signature(self.interpreter)
        shape = (1, self.spec.input_size, self.spec.input_size, self.spec.channels)
        is_online = "logits" in outputs and "image" in inputs and set(inputs) - {"image"} == set(outputs) - {"logits"}
        if not is_online or tuple(inputs["image"]["shape"]) != shape:
            rule = f"must be an online model (python -m export.tflite --online), from an image {shape} to logits"
            raise InputError("model", rule, str(path))
        # Functions, not views: the interpreter refuses to run while somebody holds a view of its memory.
        tensor = self.interpreter.tensor
        self._image = tensor(inputs.pop("image")["index"])
        self._logits = tensor(outputs.pop("logits")["index"])
        self._caches = [(tensor(inputs[name]["index"]), tensor(outputs[name]["index"])) for name in sorted(inputs)]
        self._shape = shape[1:]
        self.reset()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Takes the stream's next frame.

        Args:
            frame: RGB `[input_size, input_size, 3]`, uint8 or float in 0..255.

        Returns:
            `float32 [num_classes]` logits of the stream up to this frame.

        Raises:
            InputError: another shape, or a type that is neither uint8 nor float.
        """
        if not isinstance(frame, np.ndarray) or frame.shape != self._shape:
            received = getattr(frame, "shape", type(frame).__name__)
            raise InputError("frame", f"must be an array of the shape {self._shape}", received)
        if frame.dtype != np.uint8 and frame.dtype.kind != "f":
            raise InputError("frame", "must be uint8, or float in 0..255", frame.dtype.name)
        np.copyto(self._image()[0], frame, casting="unsafe")
        self.interpreter.invoke()
        for cache, new_cache in self._caches:
            np.copyto(cache(), new_cache())
        return self._logits()[0].copy()

    def reset(self) -> None:
        """Forgets the stream: the next frame is a first frame."""
        for cache, _ in self._caches:
            cache().fill(0)
