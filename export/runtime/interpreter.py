"""Finds a TFLite interpreter and loads a file into it.

LiteRT's is preferred, then tflite-runtime, then TensorFlow's own.
"""

import ctypes
import importlib.util
import os
import pathlib
import platform
import warnings
from typing import Any

from export.format.reader import Model, read_model
from tsm_tf.errors import InputError

INTERPRETERS = {
    # name: the interpreter's module, in order of preference
    "ai_edge_litert": "ai_edge_litert.interpreter",
    "tflite_runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
DELEGATES = {
    # name: libraries that may provide it, by their names on Linux; the first that loads is used
    "gpu": ("libtensorflowlite_gpu_delegate.so", "gpu_external_delegate.so"),
    "edgetpu": ("libedgetpu.so.1",),
}


def load_interpreter(
    model: Model | str | os.PathLike,
    num_threads: int = 1,
    runtime: str = "auto",
    delegate: str = "none",
) -> tuple[Any, str]:
    """Loads a file into a TFLite interpreter and allocates its tensors.

    The interpreter gets the bytes that were read, so a file that is replaced later has no effect.
    This function alone does not check whether the file is safe; see `read_contents`.

    Operators that no other delegate accepts run on XNNPACK, which every runtime enables by default.
    On x86, an int8 file on tflite-runtime gives a warning if LiteRT is not installed, because that
    release has no fast kernels for it.

    Args:
        model: a `.tflite` file, or its path.
        num_threads: number of interpreter threads, at most the machine's processors.
        runtime: a key of `INTERPRETERS`, or `"auto"` for the first one that is installed.
        delegate: `"none"`, a key of `DELEGATES`, or the path of a delegate's library.

    Returns:
        The interpreter, and the name of its runtime.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: no runtime is installed.
        InputError: an unknown or missing runtime, a delegate whose library cannot be loaded, or a
            file that the runtime or the delegate refuses.
    """
    if runtime != "auto" and runtime not in INTERPRETERS:
        raise InputError("runtime", f"must be auto or one of {', '.join(INTERPRETERS)}", runtime)
    check_threads(num_threads)
    if not isinstance(model, Model):
        model = read_model(pathlib.Path(model))

    names = list(INTERPRETERS) if runtime == "auto" else [runtime]
    for name in names:
        try:
            module = importlib.import_module(INTERPRETERS[name])
        except ImportError:
            continue
        delegates = None if delegate == "none" else [_load_delegate(module, delegate)]
        _warn_about_slow_int8(model, name)

        try:
            interpreter = module.Interpreter(
                model_content=model.data,
                num_threads=num_threads,
                experimental_delegates=delegates,
            )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            where = name if delegate == "none" else f"{name} with the delegate {delegate}"
            rule = f"must be a file that {where} can run ({reason})"
            raise InputError("model", rule, model.path) from None
        return interpreter, name

    if runtime != "auto":
        raise InputError("runtime", "must be installed", runtime)
    raise ModuleNotFoundError(f"no TFLite interpreter: {' or '.join(names)}", name="ai_edge_litert")


def check_threads(num_threads: int) -> None:
    """Raises `InputError` for a number of threads that this machine does not have."""
    processors = os.cpu_count() or 1
    if not 1 <= num_threads <= processors:
        rule = f"must be from 1 to {processors}, the number of this machine's processors"
        raise InputError("num_threads", rule, num_threads)


def _load_delegate(module, delegate):
    libraries = DELEGATES.get(delegate, (delegate,))
    if libraries == (delegate,) and not pathlib.Path(delegate).is_file():
        rule = f"must be none, {', '.join(DELEGATES)}, or the path of a delegate's library"
        raise InputError("delegate", rule, delegate)

    reasons = []
    for library in libraries:
        try:
            # Check first: if the library is missing or is not a delegate, the runtimes' loader
            # prints a second error to stderr.
            _ = ctypes.CDLL(library).tflite_plugin_create_delegate
            return module.load_delegate(library)
        except (OSError, ValueError, AttributeError) as error:
            # No such library, no device for it, or not a delegate.
            reasons.append(str(error).splitlines()[0])

    rule = f"must have a library that can be loaded ({'; '.join(reasons)})"
    raise InputError("delegate", rule, delegate)


def _warn_about_slow_int8(model, runtime):
    if runtime != "tflite_runtime" or platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return
    tensors = [tensor for graph in model.graphs for tensor in graph.tensors]
    has_litert = importlib.util.find_spec("ai_edge_litert") is not None
    is_int8 = any(tensor.dtype == "int8" and not model.constant(tensor).size for tensor in tensors)
    if is_int8 and not has_litert:
        line = (
            "tflite-runtime has no fast int8 kernels on x86: MobileNetV2 took 41.9 ms per frame, "
            "LiteRT 1.94 ms; pip install ai-edge-litert"
        )
        warnings.warn(line, RuntimeWarning, stacklevel=3)
