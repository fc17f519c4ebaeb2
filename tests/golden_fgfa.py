"""The golden numbers of FGFA in this project's layout."""

import pathlib

import numpy as np

_PATH = pathlib.Path(__file__).parent / "golden" / "detection.npz"


def golden(name):
    """Returns an array of the golden file with channels last."""
    with np.load(_PATH) as file:
        return np.moveaxis(file[f"fgfa/{name}"], -3, -1)
