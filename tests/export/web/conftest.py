import pytest

from export.web import litert_files
from tsm_tf.errors import InputError


@pytest.fixture(scope="session")
def archives():
    """LiteRT.js from npm."""
    try:
        return litert_files.obtain()
    except InputError as error:
        pytest.skip(f"THE PAGE IS NOT TESTED IN A BROWSER: {error}")
