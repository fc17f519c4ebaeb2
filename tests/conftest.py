import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest


@pytest.fixture(scope="session")
def golden_dir():
    """Exact numbers of the original implementation: see its README."""
    return pathlib.Path(__file__).parent / "golden"
