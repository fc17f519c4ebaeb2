"""Shards of small videos, written once per session without Beam."""

import pytest
from videos import write_data
from writing import write_shards


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """A data folder: 14 training and 5 validation videos of 10 to 12 frames."""
    return write_data(tmp_path_factory.mktemp("data with spaces"), {"train": 14, "val": 5})


@pytest.fixture(scope="session")
def shards(videos, tmp_path_factory):
    """Its shards, of which the training split has three; read only."""
    return write_shards(videos, tmp_path_factory.mktemp("shards") / "new", num_shards=3)
