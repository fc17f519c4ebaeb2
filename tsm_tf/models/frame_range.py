"""Finds frames that were scaled to 0..1 or -1..1 before a model that takes 0..255."""

import sys
import types
import warnings
from typing import Any

import numpy as np

_BATCHES = 16  # of a dataset that are looked at: a video may start in the dark


class FrameRange:
    """Warns once if a model is given float frames that look as if they were already scaled.

    The values of symbolic tensors are unknown, so graphs stay as they are and cost nothing.

    Args:
        num_calls: suspicious values in a row that cause the warning.
    """

    def __init__(self, num_calls: int = 1):
        self._num_left = num_calls

    def check(self, frames: Any) -> None:
        """Looks at frames until some have values above 1, or until the warning."""
        frames = _frames(frames)
        if not self._num_left or "float" not in str(getattr(frames, "dtype", "")):
            return
        try:
            values = np.asarray(frames)
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            return  # symbolic

        largest = float(values.max(initial=0))
        if not largest <= 1:
            self._num_left = 0
        elif values.size and values.min() < largest:  # neither black nor a placeholder
            self._num_left -= 1
            if not self._num_left:
                line = (
                    f"frames have values of at most {largest:.3g}, as if they were scaled to 0..1 "
                    "or -1..1 already; the model scales them itself: pass uint8, or float in 0..255"
                )
                warnings.warn(line, RuntimeWarning, stacklevel=3)

    def watch(self, data: Any) -> Any:
        """Looks at the data of `fit`, `evaluate` or `predict`; returns the data to use instead.

        The first batches of a dataset or generator are looked at while they are used.
        """
        if isinstance(data, types.GeneratorType):
            return self._watch_generator(data)
        if hasattr(data, "element_spec") and hasattr(data, "enumerate"):
            return self._watch_dataset(data)

        self.check(data[:1] if hasattr(data, "dtype") else data)
        return data

    def _watch_generator(self, data):
        for batch in data:
            self.check(_frames(batch))
            yield batch

    def _watch_dataset(self, data):
        dtype = getattr(_frames(data.element_spec), "dtype", None)
        if not getattr(dtype, "is_floating", False):
            return data
        tf = sys.modules["tensorflow"]  # `data` is an object of it

        def look(frames):
            self.check(frames)
            return True

        def watch(number, batch):
            tf.cond(
                number < _BATCHES,
                lambda: tf.numpy_function(look, [_frames(batch)], tf.bool),
                lambda: True,
            )
            return batch

        # There is nothing to convert, and on Python 3.13 AutoGraph warns.
        return data.enumerate().map(tf.autograph.experimental.do_not_convert(watch))


def _frames(batch):
    """Returns the frames of a batch of frames, of frames and boxes, or of these and labels."""
    while isinstance(batch, (tuple, list)) and batch:
        batch = batch[0]
    return batch
