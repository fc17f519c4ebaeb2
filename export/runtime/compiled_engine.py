"""Runs the steps of a model with LiteRT's `CompiledModel`, on the CPU or on a GPU."""

import importlib
import math
from collections.abc import Mapping

import numpy as np

from export.format.reader import SIGNATURE, Model
from export.runtime.compiled_model import BUFFERS, captured_log, compile_model
from export.runtime.values import get_values, put_image

_ALIGNMENT = 64  # bytes


class CompiledEngine:
    """A file that LiteRT has compiled; see `export.runtime.engine.Engine`.

    Each cache has two buffers. The model reads one and writes the other, and after each step they
    change places. Nothing is copied, so the caches of a model on a GPU stay there.

    Args:
        model: a file with `image`, and caches that match.
        num_threads: number of threads on the CPU.
        runtime: a key of `COMPILED`.
    """

    def __init__(self, model: Model, num_threads: int, runtime: str):
        self.runtime = runtime
        self._compiled, self.is_fully_accelerated = compile_model(model, num_threads, runtime)

        self._inputs, outputs = model.interface()
        self._image = np.zeros(self._inputs["image"].shape, self._inputs["image"].dtype)
        results = {name: outputs[name] for name in outputs.keys() - self._inputs.keys()}
        names = self._inputs.keys() - {"image"}
        with captured_log():  # the first access to a buffer is logged as well
            self._image_buffer = self._input_buffer("image")
            self._results = {name: self._result(name, results[name]) for name in results}
            caches = {name: self._input_buffer(name) for name in names}
            new_caches = {name: self._output_buffer(name) for name in names}
            self._turns = (self._turn(caches, new_caches), self._turn(new_caches, caches))
            self._image_buffer.write(self._image)

    def _input_buffer(self, name):
        return self._compiled.create_input_buffer_by_name(SIGNATURE, name)

    def _output_buffer(self, name):
        return self._compiled.create_output_buffer_by_name(SIGNATURE, name)

    def _result(self, name, tensor):
        """Returns the buffer of an output other than a cache, what reads it, and its description.

        On the CPU, the model writes into an array of ours, which saves a call per step.
        """
        if self.runtime == "litert":
            values = _aligned_zeros(tensor.shape, np.dtype(tensor.dtype))
            buffers = importlib.import_module(BUFFERS)
            return buffers.TensorBuffer.create_from_host_memory(values), lambda: values, tensor

        buffer = self._output_buffer(name)
        return buffer, lambda: _read(buffer, tensor), tensor

    def _turn(self, caches, new_caches):
        """Returns the caches, and all buffers in the order of the signature."""
        inputs = {"image": self._image_buffer, **caches}
        outputs = {**{name: buffer for name, (buffer, *_) in self._results.items()}, **new_caches}
        order = self._compiled.get_signature_list()[SIGNATURE]
        return (
            caches,
            [inputs[name] for name in order["inputs"]],
            [outputs[name] for name in order["outputs"]],
        )

    def run(self) -> None:
        _, inputs, outputs = self._turns[0]
        self._compiled.run_by_index(0, inputs, outputs)

    def step(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        put_image(self._image.reshape(frames.shape), frames)
        self._image_buffer.write(self._image)
        self.run()
        self._turns = self._turns[::-1]
        return {
            name: get_values(read(), tensor) for name, (_, read, tensor) in self._results.items()
        }

    def fill_caches(self, values: Mapping[str, int], rows: int | slice) -> None:
        for name, buffer in self._turns[0][0].items():
            cache = _read(buffer, self._inputs[name])
            cache[rows] = values.get(name, 0)
            buffer.write(cache)


def _aligned_zeros(shape, dtype):
    """Returns an array at an address that LiteRT accepts without a copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _read(buffer, tensor):
    return buffer.read(math.prod(tensor.shape), np.dtype(tensor.dtype)).reshape(tensor.shape)
