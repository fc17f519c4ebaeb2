"""Runs the steps of a model on a TFLite interpreter."""

from collections.abc import Mapping

import numpy as np

from export.format.reader import Model
from export.runtime.interpreter import load_interpreter
from export.runtime.values import get_values, put_image


class InterpreterEngine:
    """A file in an interpreter; see `export.runtime.engine.Engine`.

    The caches stay in the interpreter's memory. After each step, the new caches are copied directly
    onto the inputs.

    Args:
        model: a file with `image`, and caches that match.
        num_threads: see `load_interpreter`, also for the arguments below.
        runtime: a key of `INTERPRETERS`, or `"auto"`.
        delegate: what the interpreter delegates the model to.
    """

    def __init__(self, model: Model, num_threads: int, runtime: str, delegate: str):
        self.interpreter, self.runtime = load_interpreter(model, num_threads, runtime, delegate)
        self.is_fully_accelerated: bool | None = None
        self.run = self.interpreter.invoke

        # Keep functions, not views: the interpreter does not run while a view of its memory exists.
        tensor = self.interpreter.tensor
        inputs, outputs = model.signature.inputs, model.signature.outputs
        self._image = tensor(inputs["image"])
        self._results = {
            name: (tensor(outputs[name]), description)
            for name, description in model.interface()[1].items()
            if name not in inputs
        }
        self._caches = {
            name: (tensor(inputs[name]), tensor(outputs[name]))
            for name in sorted(inputs.keys() - {"image"})
        }

    def step(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        put_image(self._image().reshape(frames.shape), frames)
        self.run()
        for cache, new_cache in self._caches.values():
            np.copyto(cache(), new_cache())
        return {name: get_values(read(), tensor) for name, (read, tensor) in self._results.items()}

    def fill_caches(self, values: Mapping[str, int], rows: int | slice) -> None:
        for name, (cache, _) in self._caches.items():
            cache()[rows] = values.get(name, 0)
