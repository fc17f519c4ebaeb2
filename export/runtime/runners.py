"""Runs online and clip models with numpy and one TFLite runtime."""

import os
import pathlib
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from export.format.metadata import read_contents
from export.format.reader import Model
from export.runtime.detector_results import read_detections, result_shapes
from export.runtime.engine import load_engine
from tsm_tf.any_spec import frame_shape
from tsm_tf.errors import InputError

_USUAL_FPS = 8
_ACCELERATION = {None: "", True: "fully accelerated", False: "partly accelerated"}


class StreamRunner:
    """An online TSM with the state of its stream, or of several streams side by side.

    The model is a classifier, or a detector.

    Quantised files are used like the others: types and scales are converted here. The caches stay
    in the runtime's memory, for `"litert_gpu"` on the GPU.

    Args:
        path: a file of `python -m export.tflite --online`.
        num_threads: number of threads on the CPU.
        runtime: what runs the file, such as `"litert"`; see `load_engine`.
        delegate: what an interpreter delegates the model to; see `load_engine`.
        unchecked: run a file that contains something that the exporter never writes. Such a file
            may crash the process or read its memory, so use it only for files that you trust.

    Attributes:
        spec: the model's `ModelSpec`, or `DetectorSpec`.
        is_detector: whether the model finds boxes, instead of classifying frames.
        labels: class names, or class numbers if the model has no names.
        smoothing: the file's `SmoothingRules`, for classifiers.
        num_streams: number of streams side by side (`--streams` of the export).
        frames_per_step: number of frames of each stream per step (`--frames_per_step`).
        receptive_field: number of frames that can influence the current results.
        shape: the shape of the frames of a step; see `step`.
        runtime: the name of the runtime in use, one of `export.runtime.engine.RUNTIMES`.
        acceleration: `"fully accelerated"`, `"partly accelerated"`, or empty for the CPU.
        engine: what runs the file; see `export.runtime.engine.Engine`.

    A runner belongs to one thread at a time. Create one per thread.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, not a file of this project, one that is not safe to run, a
            clip model, or anything that `load_engine` refuses.
        ModuleNotFoundError: no runtime is installed.

    Example:
        >>> runner = StreamRunner("mobilenet_v2_online_float32.tflite")
        >>> logits = runner.step(frame)      # uint8 [224, 224, 3] RGB -> float32 [num_classes]
        >>> runner.reset()                   # before another stream
        >>> detector = StreamRunner("resnet18_rfcn_online_float32.tflite")
        >>> boxes, classes, scores = detector.step(frame)
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
        self.spec: Any = contents.spec
        self.is_detector = contents.is_detector
        self.smoothing = contents.smoothing
        self.labels = self.spec.labels or tuple(map(str, range(self.spec.num_classes)))
        self._initial_caches = contents.initial_caches

        shape, results = frame_shape(self.spec), result_shapes(self.spec)
        if not contents.is_online or not _feeds_back(contents.model, shape, results):
            rule = (
                "must be an online model (python -m export.tflite --online), "
                f"from images {shape} to {', '.join(results)}"
            )
            raise InputError("model", rule, str(path))
        self.num_streams = contents.num_streams
        self.frames_per_step = contents.frames_per_step
        counts = (self.frames_per_step, self.num_streams)
        self._axes = tuple(count for count in counts if count > 1)
        self.shape = (*self._axes, *shape)

        self.engine = load_engine(contents.model, num_threads, runtime, delegate)
        self.runtime = self.engine.runtime
        self.acceleration = _ACCELERATION[self.engine.is_fully_accelerated]
        self.receptive_field = len(contents.model.signature.inputs)  # the caches and the image
        self._in_use = _OneThread()
        self._range = _RangeCheck(int(self.spec.fps or _USUAL_FPS))
        self.reset()

    def step(self, frame: np.ndarray) -> Any:
        """Runs the model on the next frame of the stream, or of each stream.

        Args:
            frame: RGB `[input_size, input_size, 3]`, for a detector
                `[input_height, input_width, 3]`, uint8 or float in 0..255; `[num_streams, ...]` for
                several streams, `[frames_per_step, ...]` for several frames per step, and
                `[frames_per_step, num_streams, ...]` for both.

        Returns:
            `float32 [num_classes]` logits of the stream up to this frame, with the same first axes
            as the frames. For a detector `Detections`, with boxes in pixels of `frame`.

        Raises:
            InputError: another shape, a type that is neither uint8 nor float, or a call from two
                threads at once.
        """
        _check_frames(frame, self.shape, "frame")
        if frame.dtype != np.uint8:
            self._range.check(frame)

        with self._in_use:
            results = self.engine.step(frame)
        if self.is_detector:
            return read_detections(results, self.spec)
        return results["logits"].reshape(*self._axes, -1)

    def check_classifier(self) -> None:
        """Raises an `InputError` if the model is a detector."""
        if self.is_detector:
            raise InputError("model", "must be a classifier", "a detector")

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
            self.engine.fill_caches(self._initial_caches, rows)


class ClipRunner:
    """A clip model: `uint8 [num_segments, input_size, input_size, channels]` to logits.

    Arguments and errors are those of `StreamRunner`, and so are the attributes `spec`, `shape`,
    `runtime`, `acceleration` and `engine`.
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
        self.spec = spec = contents.classifier
        self.shape = (spec.num_segments, spec.input_size, spec.input_size, spec.channels)
        if not _is_clip(contents.model, self.shape):
            rule = "must be a clip model (python -m export.tflite without --online)"
            raise InputError("model", rule, str(path))

        self.engine = load_engine(contents.model, num_threads, runtime, delegate)
        self.runtime = self.engine.runtime
        self.acceleration = _ACCELERATION[self.engine.is_fully_accelerated]
        self._in_use = _OneThread()
        self._range = _RangeCheck(1)

    def __call__(self, clip: np.ndarray) -> np.ndarray:
        """Returns the logits of a clip, `float32 [num_classes]`.

        Raises:
            InputError: another shape, a type that is neither uint8 nor float, or a call from two
                threads at once.
        """
        _check_frames(clip, self.shape, "clip")
        if clip.dtype != np.uint8:
            self._range.check(clip)

        with self._in_use:
            return self.engine.step(clip)["logits"][0]


def load_runner(
    path: str | os.PathLike,
    num_threads: int = 1,
    runtime: str = "auto",
    delegate: str = "none",
    unchecked: bool = False,
) -> StreamRunner | ClipRunner:
    """Returns a runner for a file, whether it is an online or a clip model."""
    is_online = read_contents(pathlib.Path(path), unchecked).is_online
    make = StreamRunner if is_online else ClipRunner
    return make(path, num_threads, runtime, delegate, unchecked)


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


def _feeds_back(
    model: Model,
    shape: tuple[int, ...],
    results: Mapping[str, tuple[int, ...] | None],
) -> bool:
    """Returns whether a model maps images of a shape and caches to results and these caches.

    Each cache must have one row per stream.
    """
    inputs, outputs = model.interface()
    image, names = inputs["image"], inputs.keys() - {"image"}
    streams = {inputs[name].shape[0] for name in names}
    return (
        {*names, *results} == outputs.keys()
        and image.shape[1:] == shape
        and len(streams) <= 1
        and not any(image.shape[0] % count for count in streams)
        and all(size in (None, outputs[name].shape) for name, size in results.items())
    )


def _is_clip(model: Model, shape: tuple[int, ...]) -> bool:
    """Returns whether a model maps one clip to logits; older files have a batch axis as well."""
    inputs, outputs = model.interface()
    if inputs.keys() != {"image"} or outputs.keys() != {"logits"}:
        return False
    return inputs["image"].shape in (shape, (1, *shape)) and outputs["logits"].shape[0] == 1
