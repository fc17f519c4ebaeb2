import gc
import os
import pathlib
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as every command, see tsm_tf.cli

import pytest

# A shell starts background processes with SIGINT ignored, and processes inherit that. Tests send
# SIGINT, so it must work.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def golden_dir():
    """Exact numbers of the original implementation: see its README."""
    return pathlib.Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory):
    """A checkpoint of the module's `model`."""
    from tsm_tf import save_checkpoint  # loads Keras, which other modules do without

    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(model, folder)
    return folder


@pytest.fixture
def frees_networks():
    """Frees the networks of a test; those of the whole catalogue would take more than 20 GB."""
    yield
    import keras

    keras.utils.clear_session()
    gc.collect()
