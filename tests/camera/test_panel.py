"""Tests of `fit`; those of the overlay draw panels."""

import numpy as np

from tsm_tf.camera.panel import fit


def test_a_picture_of_another_shape_gets_black_bars():
    picture = np.full((2, 4, 3), 200, np.uint8)
    assert fit(picture, 2, 4) is picture
    fitted = fit(picture, 8, 8)
    assert fitted.shape == (8, 8, 3)
    assert (fitted[2:6] == 200).all() and not fitted[:2].any() and not fitted[6:].any()
    fitted = fit(picture, 2, 8)
    assert (fitted[:, 2:6] == 200).all() and not fitted[:, :2].any() and not fitted[:, 6:].any()
