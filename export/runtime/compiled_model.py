"""Compiles a file with LiteRT, for the CPU or for a GPU."""

import contextlib
import importlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from export.format.padded_pools import padded_pools
from export.format.reader import Model
from tsm_tf.errors import InputError

MODULE = "ai_edge_litert.compiled_model"
BUFFERS = "ai_edge_litert.tensor_buffer"
COMPILED = ("litert", "litert_gpu")
"""Names of the runtimes that compile a file: for the CPU, and for a GPU."""

NO_DRIVER = (
    "must find a GPU driver, on Linux one for Vulkan. Without a GPU, Debian's packages libvulkan1 "
    "and chromium have a software driver: set the environment variable "
    "VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json"
)

_UNSUPPORTED = re.compile(r"(?s)not supported by GPU delegate:\n(.*?run on the CPU)")
_NONE_SUPPORTED = "No operations will run on the GPU"
_NO_ADAPTER = "Failed to initialize WebGPU environment"
_BROKEN_SHADER = "Validation error: "


def compile_model(model: Model, num_threads: int, runtime: str) -> tuple[Any, bool | None]:
    """Compiles a file.

    On a GPU, a file with float16 weights may be computed in half precision. All others are computed
    in float32. Operators that the GPU does not support run on the CPU, with a warning.

    Args:
        model: the file.
        num_threads: number of threads on the CPU.
        runtime: one of `COMPILED`.

    Returns:
        LiteRT's `CompiledModel`, and whether the GPU runs all of it; None on the CPU.

    Raises:
        InputError: LiteRT is not installed, there is no GPU driver, the GPU supports no operator,
            or LiteRT cannot run the file.
    """
    try:
        litert = importlib.import_module(MODULE)
        gpu_options = litert.GpuOptions
    except (ImportError, AttributeError):
        rule = "must be installed: pip install 'ai-edge-litert>=2.3'"
        raise InputError("runtime", rule, runtime) from None

    is_half = any(tensor.dtype == "float16" for tensor in model.graphs[0].tensors)

    def attempt(accelerators):
        options = litert.Options(
            hardware_accelerators=accelerators,
            cpu_options=litert.CpuOptions(num_threads=num_threads),
            gpu_options=gpu_options(enforce_f32=not is_half),
        )
        return _attempt(litert, model, options)

    kinds = litert.HardwareAccelerator
    if runtime == "litert":
        compiled, log = attempt(kinds.CPU)
        if compiled is None:
            _refuse(model, runtime, log.rpartition("\n")[2])
        return compiled, None

    if padded_pools(model.graphs[0]):
        # The exporter avoids this; files of earlier versions may have it.
        line = "LiteRT ignores the zeros of its PAD before a pool on a GPU; export it again"
        _refuse(model, runtime, line)

    # With both, LiteRT calls a model fully accelerated whose rest runs on XNNPACK.
    compiled, log = attempt(kinds.GPU)
    _check_gpu(model, log)
    if compiled is not None:
        return compiled, True

    compiled, log = attempt(kinds.GPU | kinds.CPU)
    _check_gpu(model, log)
    unsupported = "; ".join(_UNSUPPORTED.findall(log)[:1]).replace("\n", "; ")
    if compiled is None or _NONE_SUPPORTED in log:
        _refuse(model, runtime, unsupported or log)
    line = f"{model.path or 'the model'} is not fully accelerated: {unsupported}"
    warnings.warn(line, RuntimeWarning, stacklevel=5)
    return compiled, False


def _attempt(litert, model, options):
    """Returns the compiled model, or None, and the text that LiteRT has logged."""
    compiled = reason = None
    with captured_log() as log:
        try:
            compiled = litert.CompiledModel.from_buffer(model.data, options=options)
        except RuntimeError as error:
            reason = str(error)
    return compiled, "\n".join((*log, *filter(None, [reason])))


def _check_gpu(model, log):
    if _NO_ADAPTER in log:
        raise InputError("runtime", NO_DRIVER, "litert_gpu")
    # LiteRT continues with zeros as results; it has faults with the int8 caches of some files.
    if _BROKEN_SHADER in log:
        _refuse(model, "litert_gpu", log.partition(_BROKEN_SHADER)[2])


def _refuse(model, runtime, reason):
    line = next((text for text in reason.splitlines() if text.strip()), "no reason given")
    raise InputError("model", f"must be a file that {runtime} can run ({line})", model.path)


@contextlib.contextmanager
def captured_log() -> Iterator[list[str]]:
    """Yields a list that gets the lines that LiteRT writes to the terminal, when the context ends.

    LiteRT writes dozens of lines per model, has no public way to change that, and says only there
    what a GPU does not support. Lines that other threads write meanwhile are captured as well.
    """
    lines = []
    sys.stdout.flush()
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as restored:
        for number in (1, 2):
            saved = os.dup(number)
            restored.callback(os.close, saved)
            restored.callback(os.dup2, saved, number)
            os.dup2(file.fileno(), number)
        try:
            yield lines
        finally:
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()
