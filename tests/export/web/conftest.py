import pytest
from detector_files import write_bright_detector

from export.web import litert_files
from tsm_tf.errors import InputError


@pytest.fixture(scope="session")
def archives():
    """LiteRT.js from npm."""
    try:
        return litert_files.obtain()
    except InputError as error:
        pytest.skip(f"THE PAGE IS NOT TESTED IN A BROWSER: {error}")


@pytest.fixture(scope="session")
def detector(tmp_path_factory):
    """The file of a small detector, which finds bright squares."""
    return write_bright_detector(tmp_path_factory.mktemp("detector") / "detector.tflite")
