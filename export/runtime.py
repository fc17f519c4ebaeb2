"""Runs an online model on a device: numpy and one TFLite interpreter, no TensorFlow, no Keras."""

import importlib
import os
import pathlib

import numpy as np

from export.metadata import read_spec
from tsm_tf.errors import InputError

RUNTIMES = {
    # in the order of preference: where each interpreter lives
    "tflite_runtime": "tflite_runtime.interpreter",
    "ai_edge_litert": "ai_edge_litert.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
SIGNATURE = "serving_default"


def load_interpreter(path: str | os.PathLike, num_threads: int = 1, runtime: str = "auto"):
    """Returns a TFLite interpreter with its tensors allocated, and the name of the runtime that it came from.

    Args:
        path: a `.tflite` file.
        num_threads: of the interpreter.
        runtime: a key of `RUNTIMES`, or `"auto"` for the first that is installed.

    Raises:
        ModuleNotFoundError: none is installed.
        InputError: a runtime that is not known or not installed, or a file that it refuses.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        raise InputError("runtime", f"must be auto or one of {', '.join(RUNTIMES)}", runtime)
    if num_threads < 1:
        raise InputError("num_threads", "must be at least 1", num_threads)
    names = list(RUNTIMES) if runtime == "auto" else [runtime]
    for name in names:
        try:
            module = importlib.import_module(RUNTIMES[name])
        except ImportError:
            continue
        try:
            interpreter = module.Interpreter(str(path), num_threads=num_threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError("model", f"must be a file that {name} can run ({reason})", str(path)) from None
        return interpreter, name
    if runtime != "auto":
        raise InputError("runtime", "must be installed", runtime)
    raise ModuleNotFoundError(f"no TFLite interpreter: {' or '.join(names)}", name="tflite_runtime")


class StreamRunner:
    """An online TSM and the state of one stream.

    The caches stay in the interpreter's memory: after each frame the new ones are copied onto the inputs, without a
    copy of their own in between.

    Args:
        path: a file of `python -m export.tflite --online`.
        num_threads: of the interpreter.
        runtime: which interpreter; see `load_interpreter`.

    Attributes:
        spec: the model's `ModelSpec`.
        labels: class names, or their numbers where it has none.
        runtime: the name of the interpreter in use.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, not of this project, or a clip model.
        ModuleNotFoundError: no interpreter is installed.

    Example:
        >>> runner = StreamRunner("mobilenet_v2_online_float32.tflite")
        >>> logits = runner.step(frame)      # uint8 [224, 224, 3] RGB -> float32 [num_classes]
        >>> runner.reset()                   # before another stream
    """

    def __init__(self, path: str | os.PathLike, num_threads: int = 1, runtime: str = "auto"):
        path = pathlib.Path(path)
        self.spec = read_spec(path)
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self.interpreter, self.runtime = load_interpreter(path, num_threads, runtime)
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


def signature(interpreter) -> tuple[dict[str, dict], dict[str, dict]]:
    """Returns the details of the signature's inputs and outputs by name; empty without a signature."""
    if SIGNATURE not in interpreter.get_signature_list():
        return {}, {}
    runner = interpreter.get_signature_runner(SIGNATURE)
    return runner.get_input_details(), runner.get_output_details()
