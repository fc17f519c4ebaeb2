"""Measures the range of every activation of a float32 file while it runs on sample clips."""

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from litert_quantizer.calibrator import CalibrationInterpreter, CalibrationMode
from litert_quantizer.utils.qsv_utils import min_max_update

from export.format.reader import Graph, Signature, parse_model
from export.sample_clips import SampleClips, in_steps
from tsm_tf.data.progress_line import ProgressLine

Ranges = dict[str, dict[str, np.ndarray]]
"""Smallest (`min`) and largest (`max`) value of each tensor, by the tensor's name."""

_MOVES = {"CONCATENATION", "PAD", "RESHAPE", "SLICE", "SPLIT", "STRIDED_SLICE", "TRANSPOSE"}
"""Operators whose results are values of their inputs, or zeros."""


def measure_ranges(
    content: bytes,
    clips: SampleClips,
    online: bool,
    frames_per_step: int = 1,
) -> Ranges:
    """Runs a file on clips, and returns the range that each tensor needs in an int8 file.

    An online file streams the clips frame by frame, so that the caches have the range that they
    have at run time. Every second clip starts from zeros, the others continue from the clip before.

    Tensors that pass values on to each other have the same range, so that no value is rounded on
    its way: a cache's output, its input one frame later, and the tensors around a shift.

    Args:
        content: bytes of a float32 file.
        clips: clips in 0..255.
        online: True for a file with caches, False for whole clips.
        frames_per_step: number of frames of each stream per call in an online file.
    """
    file = parse_model(content)
    graph, (signature,) = file.graphs[0], file.signatures
    image = graph.tensors[signature.inputs["image"]]
    initial = {
        name: np.zeros(graph.tensors[index].shape, np.float32)
        for name, index in signature.inputs.items()
        if name != "image"
    }

    with quietly():
        interpreter = CalibrationInterpreter(
            content, CalibrationMode.CALIBRATION_PROFILER_BASED, min_max_update
        )
        run = interpreter.get_signature_runner(signature.name)
        frames, caches = _with_full_range(clips.frames), initial
        num_streams = image.shape[0] // frames_per_step if online else 1
        progress = ProgressLine(len(frames), "clips", "calibrated on")

        for number, first in enumerate(range(0, len(frames), num_streams)):
            side_by_side = np.take(frames, range(first, first + num_streams), axis=0, mode="wrap")
            steps = in_steps(side_by_side, frames_per_step) if online else [side_by_side]
            if number % 2 == 0:
                caches = initial

            for step in steps:
                outputs = run(image=step.reshape(image.shape).astype(np.float32), **caches)
                caches = {name: outputs[name] for name in initial}
            progress.show(min(first + num_streams, len(frames)))

    ranges = interpreter.get_calibration_results()
    _align(ranges, graph, signature)
    return ranges


def _with_full_range(frames: np.ndarray) -> np.ndarray:
    """Sets one pixel to 0 and one to 255.

    Every byte then has its own integer: the image's scale is 1 and its zero point -128. The
    normalised image has room for every byte as well.
    """
    frames = frames.copy()
    frames[0, 0, 0, 0], frames[0, 0, 0, 1] = 0, 255
    return frames


def _align(ranges: Ranges, graph: Graph, signature: Signature) -> None:
    """Gives tensors that pass values on to each other the same range."""
    groups = {i: {i} for i, tensor in enumerate(graph.tensors) if tensor.name in ranges}

    def join(indices):
        group = set[int]().union(*(groups[index] for index in indices if index in groups))
        groups.update(dict.fromkeys(group, group))

    for name in signature.inputs.keys() & signature.outputs.keys():
        join((signature.inputs[name], signature.outputs[name]))
    for operator in graph.operators:
        if operator.name in _MOVES:
            join((*operator.inputs, *operator.outputs))

    measured = dict(ranges)
    for index, group in groups.items():
        members = [measured[graph.tensors[member].name] for member in group]
        smallest = np.min([member["min"] for member in members], axis=0)
        largest = np.max([member["max"] for member in members], axis=0)
        if smallest == largest == 0:
            largest = np.ones_like(largest)  # for zeros, any scale will do
        ranges[graph.tensors[index].name] = {"min": smallest, "max": largest}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Context manager that hides LiteRT Quantizer's progress bars, and a warning about its own use.

    It draws one bar per frame.
    """
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        yield
