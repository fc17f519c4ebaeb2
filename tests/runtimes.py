"""The runtimes that tests use."""

import pytest

from export.runtime.compiled_model import MODULE
from export.runtime.interpreter import INTERPRETERS

ON_CPU = {"litert": MODULE, **INTERPRETERS}
"""Modules of the runtimes on the CPU, by name."""


def require(runtime):
    """Skips the test if a runtime on the CPU is not installed."""
    pytest.importorskip(
        ON_CPU[runtime], reason="not in the newest releases' environment: it needs numpy 1"
    )
