"""A GPU for tests: the machine's own, or the software driver of Debian's chromium."""

import functools
import os
import pathlib

import pytest

DRIVER = pathlib.Path("/usr/lib/chromium/vk_swiftshader_icd.json")


@functools.cache
def reason_without_gpu(path) -> str | None:
    """Returns why a small float file cannot be run on a GPU, or None if it can."""
    from export.runtime import StreamRunner
    from tsm_tf.errors import InputError

    if DRIVER.is_file():
        os.environ.setdefault("VK_ICD_FILENAMES", str(DRIVER))
    try:
        StreamRunner(path, runtime="litert_gpu")
    except InputError as error:
        return str(error)
    return None


def require_gpu(path):
    """Skips a test, with a loud line, if there is no driver."""
    reason = reason_without_gpu(path)
    if reason is not None:
        pytest.skip(f"*** NOT TESTED ON A GPU: {reason} ***")
