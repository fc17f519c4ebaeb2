"""Runs online and clip models with numpy and one TFLite interpreter."""

import os
import pathlib
import threading
import warnings

import numpy as np

from export.format.metadata import read_contents
from export.runtime.interpreter import load_interpreter, signature
from tsm_tf.errors import InputError

_USUAL_FPS = 8


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
        unchecked: run a file that contains something that the exporter never writes. Such a file
            may crash the process or read its memory, so use it only for files that you trust.

    Attributes:
        spec: the model's `ModelSpec`.
        labels: class names, or class numbers if the model has no names.
        smoothing: the file's `SmoothingRules`.
        num_streams: number of streams side by side (`--streams` of the export).
        receptive_field: number of frames that can influence the current logits.
        runtime: the name of the interpreter in use.

    A runner belongs to one thread at a time. Create one per thread.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, not a file of this project, one that is not safe to run, a
            clip model, or anything that `load_interpreter` refuses.
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
        unchecked: bool = False,
    ):
        path = pathlib.Path(path)
        contents = read_contents(path, unchecked)
        self.spec = contents.spec
        self.smoothing = contents.smoothing
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self._initial_caches = contents.initial_caches

        self.interpreter, self.runtime = load_interpreter(
            contents.model,
            num_threads,
            runtime,
            delegate,
        )
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
        self.receptive_field = len(self._caches) + 1
        self._in_use = _OneThread()
        self._range = _RangeCheck(int(self.spec.fps or _USUAL_FPS))
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
            InputError: another shape, a type that is neither uint8 nor float, or a call from two
                threads at once.
        """
        _check_frames(frame, self._shape, "frame")
        if frame.dtype != np.uint8:
            self._range.check(frame)

        with self._in_use:
            put_image(self._image(), frame)
            self.interpreter.invoke()
            for cache, new_cache in self._caches.values():
                np.copyto(cache(), new_cache())
            logits = get_logits(self._logits(), self._quantization)
        return logits[0] if self.num_streams == 1 else logits

    def reset(self, stream: int | None = None) -> None:
        """Resets one stream, or all: the next frame is treated as the first.

        Raises:
            InputError: no such stream, or a call from two threads at once.
        """
        is_number = isinstance(stream, (int, np.integer)) and 0 <= stream < self.num_streams
        if stream is not None and not is_number:
            rule = f"must be None or the number of a stream, from 0 to {self.num_streams - 1}"
            raise InputError("stream", rule, stream)

        rows = slice(None) if stream is None else stream
        with self._in_use:
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
        unchecked: bool = False,
    ):
        path = pathlib.Path(path)
        contents = read_contents(path, unchecked)
        self.spec = contents.spec

        self.interpreter, self.runtime = load_interpreter(
            contents.model,
            num_threads,
            runtime,
            delegate,
        )
        inputs, outputs = signature(self.interpreter)
        spec = self.spec
        self._shape = (spec.num_segments, spec.input_size, spec.input_size, spec.channels)
        if (
            set(inputs) != {"image"}
            or tuple(inputs["image"]["shape"]) != (1, *self._shape)
            or set(outputs) != {"logits"}
        ):
            rule = "must be a clip model (python -m export.tflite without --online)"
            raise InputError("model", rule, str(path))

        self._image = self.interpreter.tensor(inputs["image"]["index"])
        self._logits = self.interpreter.tensor(outputs["logits"]["index"])
        self._quantization = outputs["logits"]["quantization"]
        self._in_use = _OneThread()
        self._range = _RangeCheck(1)

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """Returns the logits of a clip, `float32 [num_classes]`.

        Raises:
            InputError: another shape, a type that is neither uint8 nor float, or a call from two
                threads at once.
        """
        _check_frames(clip, self._shape, "clip")
        if clip.dtype != np.uint8:
            self._range.check(clip)

        with self._in_use:
            put_image(self._image(), clip)
            self.interpreter.invoke()
            return get_logits(self._logits(), self._quantization)[0]


class _OneThread:
    """A context that refuses a second thread while a first one is using a runner.

    Waiting would hide the mistake: frames from two threads would mix in one stream.
    """

    def __init__(self):
        self._lock = threading.Lock()

    def __enter__(self):
        if not self._lock.acquire(blocking=False):
            rule = "must be used by one thread at a time; create one per thread"
            raise InputError("runner", rule, threading.current_thread().name)

    def __exit__(self, *_):
        self._lock.release()


class _RangeCheck:
    """Warns once if frames look as if they were already scaled to 0..1 or -1..1.

    Args:
        num_frames: number of suspicious frames in a row that cause the warning, because a stream
            may start in the dark.
    """

    def __init__(self, num_frames: int):
        self._num_left = max(num_frames, 1)

    def check(self, frame: np.ndarray) -> None:
        """Looks at a float frame until one has values above 1, or until the warning."""
        if not self._num_left:
            return
        largest = float(frame.max())
        if largest > 1:
            self._num_left = 0
        elif frame.any():
            self._num_left -= 1
            if not self._num_left:
                line = (
                    f"frames have values of at most {largest:.3g}, as if they were scaled to 0..1 "
                    "or -1..1 already; the model scales them itself: pass uint8, or float in 0..255"
                )
                warnings.warn(line, RuntimeWarning, stacklevel=3)


def _check_frames(frames, shape, argument):
    if not isinstance(frames, np.ndarray) or frames.shape != shape:
        received = getattr(frames, "shape", type(frames).__name__)
        raise InputError(argument, f"must be an array of the shape {shape}", received)
    if frames.dtype != np.uint8 and frames.dtype.kind != "f":
        raise InputError(argument, "must be uint8, or float in 0..255", frames.dtype.name)


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
