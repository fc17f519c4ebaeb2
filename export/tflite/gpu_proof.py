"""Proves that a GPU runs all of a file, and computes what the CPU computes.

The driver may be a software driver, so CI does this as well. `gpu_limits` lists what only the
drivers of phones compute incorrectly.
"""

import pathlib
import tempfile
import warnings

import numpy as np
import tensorflow as tf

from export.format.reader import read_model
from export.parity import run_clips
from export.runtime import load_runner
from export.runtime.compiled_model import compile_model
from export.sample_clips import SampleClips
from tsm_tf.errors import InputError

TOLERANCE = 1e-3
"""Largest difference of any logit of a float32 file, relative to the largest logit."""

HALF_TOLERANCE = 2e-2
"""The same for other files, which GPUs may compute in half precision."""


def check_driver() -> None:
    """Raises if there is no GPU to prove anything on. Call it before slow work.

    Raises:
        InputError: LiteRT is not installed, or there is no GPU driver.
    """

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="image")])
    def serve(image):
        return {"logits": image + 1.0}

    concrete = serve.get_concrete_function()  # pyright: ignore[reportFunctionMemberAccess]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], serve)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "smallest.tflite"
        path.write_bytes(converter.convert())
        compile_model(read_model(path), 1, "litert_gpu")


def prove_on_gpu(
    path: pathlib.Path,
    variant: str,
    clips: SampleClips,
    unchecked: bool = False,
) -> float:
    """Compares a file on the GPU with the same file on the CPU.

    Args:
        path: a file of `export.tflite`.
        variant: how the file is quantised.
        clips: what to stream, or to run clip by clip.
        unchecked: see `StreamRunner`.

    Returns:
        The largest difference of any logit, relative to the largest logit.

    Raises:
        InputError: the GPU does not run all operators, or computes other logits.
    """
    rule = "must be omitted for this model, which a GPU does not run correctly"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            runner = load_runner(path, runtime="litert_gpu", unchecked=unchecked)
        except InputError as error:
            raise InputError("gpu_friendly", rule, error.rule) from None
    if not runner.engine.is_fully_accelerated:
        raise InputError("gpu_friendly", rule, str(caught[-1].message).partition(": ")[2])

    actual = run_clips(runner, clips, path)
    expected = run_clips(load_runner(path, unchecked=unchecked), clips, path)
    difference = float(np.abs(actual - expected).max() / np.abs(expected).max())
    tolerance = TOLERANCE if variant == "float32" else HALF_TOLERANCE
    if not difference <= tolerance:  # written so that a NaN fails as well
        received = f"logits that differ by {difference:.2g} of the largest one, not {tolerance}"
        raise InputError("gpu_friendly", rule, received)
    return difference
