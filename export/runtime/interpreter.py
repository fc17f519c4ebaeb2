"""Finds a TFLite interpreter and loads a file into it: LiteRT, else tflite-runtime, else TensorFlow's own."""

import ctypes
import importlib
import os
import pathlib
import platform
import warnings

from export.format.reader import read_model
from tsm_tf.errors import InputError

RUNTIMES = {
    # in the order of preference: where each interpreter lives
    "ai_edge_litert": "ai_edge_litert.interpreter",
    "tflite_runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}
DELEGATES = {
    # the libraries that may bring each, by what their makers call them on Linux; the first that loads is taken
    "gpu": ("libtensorflowlite_gpu_delegate.so", "gpu_external_delegate.so"),
    "edgetpu": ("libedgetpu.so.1",),
    "nnapi": ("nnapi_external_delegate.so",),
}
SIGNATURE = "serving_default"


def load_interpreter(
    path: str | os.PathLike, num_threads: int = 1, runtime: str = "auto", delegate: str = "none"
):
    """Returns a TFLite interpreter with its tensors allocated, and the name of the runtime that it came from.

    What no other delegate takes runs on XNNPACK, which every runtime switches on by itself. On x86, int8 on
    tflite-runtime gives a warning: that release has no fast kernels for it there.

    Args:
        path: a `.tflite` file.
        num_threads: of the interpreter.
        runtime: a key of `RUNTIMES`, or `"auto"` for the first that is installed.
        delegate: `"none"`, a key of `DELEGATES`, or the path of a delegate's library.

    Raises:
        FileNotFoundError: no such file.
        ModuleNotFoundError: no runtime is installed.
        InputError: a runtime that is not known or not installed, a delegate whose library cannot be loaded, or a file
            that one of them refuses.
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
        delegates = None if delegate == "none" else [_load_delegate(module, delegate)]
        _warn_of_slow_int8(pathlib.Path(path), name)
        try:
            interpreter = module.Interpreter(
                str(path), num_threads=num_threads, experimental_delegates=delegates
            )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            where = name if delegate == "none" else f"{name} with the delegate {delegate}"
            raise InputError(
                "model", f"must be a file that {where} can run ({reason})", str(path)
            ) from None
        return interpreter, name
    if runtime != "auto":
        raise InputError("runtime", "must be installed", runtime)
    raise ModuleNotFoundError(f"no TFLite interpreter: {' or '.join(names)}", name="tflite_runtime")


def _load_delegate(module, delegate):
    libraries = DELEGATES.get(delegate, (delegate,))
    if libraries == (delegate,) and not pathlib.Path(delegate).is_file():
        rule = f"must be none, {', '.join(DELEGATES)}, or the path of a delegate's library"
        raise InputError("delegate", rule, delegate)
    reasons = []
    for library in libraries:
        try:
            # The runtimes' loader fails a second time, on stderr, where there is no library or it is no delegate's.
            _ = ctypes.CDLL(library).tflite_plugin_create_delegate
            return module.load_delegate(library)
        except (
            OSError,
            ValueError,
            AttributeError,
        ) as error:  # not found; no device for it; not a delegate
            reasons.append(str(error).splitlines()[0])
    raise InputError(
        "delegate", f"must have a library that can be loaded ({'; '.join(reasons)})", delegate
    )


def _warn_of_slow_int8(path, runtime):
    if runtime != "tflite_runtime" or platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return
    model = read_model(path)
    if any(
        t.dtype == "int8" and not model.constant(t).size
        for graph in model.graphs
        for t in graph.tensors
    ):
        line = (
            "tflite-runtime has no fast int8 kernels on x86: MobileNetV2 took 41.9 ms a frame where LiteRT took 1.94; "
            "pip install ai-edge-litert"
        )
        warnings.warn(line, RuntimeWarning, stacklevel=3)


def signature(interpreter) -> tuple[dict[str, dict], dict[str, dict]]:
    """Returns the details of the signature's inputs and outputs by name; empty without a signature."""
    if SIGNATURE not in interpreter.get_signature_list():
        return {}, {}
    runner = interpreter.get_signature_runner(SIGNATURE)
    return runner.get_input_details(), runner.get_output_details()
