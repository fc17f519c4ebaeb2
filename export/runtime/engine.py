"""Chooses what runs a file: LiteRT's `CompiledModel`, or a TFLite interpreter."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from export.format.reader import Model
from export.runtime.compiled_engine import CompiledEngine
from export.runtime.compiled_model import COMPILED
from export.runtime.interpreter import INTERPRETERS, check_threads
from export.runtime.interpreter_engine import InterpreterEngine
from tsm_tf.errors import InputError

RUNTIMES = (*COMPILED, *INTERPRETERS)
"""Names of all runtimes."""


class Engine(Protocol):
    """A file that is ready to run, with its image, its caches and its results.

    Attributes:
        runtime: the name of the runtime, one of `RUNTIMES`.
        is_fully_accelerated: whether a GPU runs all operators; None for runtimes on the CPU.
    """

    runtime: str
    is_fully_accelerated: bool | None

    def step(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """Runs the model once, and makes the new caches the inputs of the next step.

        Args:
            frames: uint8, or float in 0..255, with as many values as the image.

        Returns:
            Copies of the outputs other than caches, such as the logits, by name: float32, in the
            shapes of the file.
        """
        ...

    def run(self) -> None:
        """Runs the model on what its inputs hold, which stays as it is."""
        ...

    def fill_caches(self, values: Mapping[str, int], rows: int | slice) -> None:
        """Sets rows of each cache to a value in the type of the file; by default to 0."""
        ...


def load_engine(model: Model, num_threads: int, runtime: str, delegate: str) -> Engine:
    """Loads a file into a runtime.

    `"auto"` takes an interpreter. On the CPU, the step of LiteRT's took 1.0% to 1.4% less time than
    that of `CompiledModel`, whose result is the same: it writes the image where the model reads it
    (MobileNetV2, 224 pixels, float32, one thread, interleaved on a busy machine).

    Args:
        model: a file with `image`, and caches that match. This function does not check
            whether it is safe; see `read_contents`.
        num_threads: number of threads on the CPU, at most the machine's processors.
        runtime: one of `RUNTIMES`, or `"auto"` for the first interpreter that is installed.
        delegate: `"none"`, a key of `DELEGATES`, or the path of a delegate's library; only for
            interpreters.

    Raises:
        ModuleNotFoundError: no runtime is installed.
        InputError: an unknown or missing runtime or delegate, no GPU driver, or a file that the
            runtime refuses.
    """
    if runtime != "auto" and runtime not in RUNTIMES:
        raise InputError("runtime", f"must be auto or one of {', '.join(RUNTIMES)}", runtime)
    check_threads(num_threads)

    if runtime not in COMPILED:
        return InterpreterEngine(model, num_threads, runtime, delegate)
    if delegate != "none":
        rule = f"must be none for the runtime {runtime}; delegates need an interpreter"
        raise InputError("delegate", rule, delegate)
    return CompiledEngine(model, num_threads, runtime)
