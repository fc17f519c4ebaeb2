import numpy as np
import pytest
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.clip_pool import ClipPool

WINDOWS = {
    # pool_size, strides, padding
    "3D": ((3, 3, 3), (2, 2, 2), (1, 1, 1)),
    "every second frame": ((1, 3, 3), (2, 2, 2), (0, 1, 1)),
    "pairs of frames": ((2, 1, 1), (2, 1, 1), (0, 0, 0)),
    "all frames": ((4, 3, 2), (1, 3, 2), (0, 0, 0)),
}


def by_hand(x, size, strides, padding, function):
    padded = np.pad(x, ((0, 0), *((p, p) for p in padding), (0, 0)))
    counts = [(n - s) // by + 1 for n, s, by in zip(padded.shape[1:4], size, strides, strict=True)]
    out = np.zeros((len(x), *counts, x.shape[-1]))
    for index in np.ndindex(*counts):
        window = [slice(i * by, i * by + s) for i, by, s in zip(index, strides, size, strict=True)]
        out[(slice(None), *index)] = function(padded[(slice(None), *window)], axis=(1, 2, 3))
    return out


@pytest.mark.parametrize(("size", "strides", "padding"), WINDOWS.values(), ids=WINDOWS)
def test_by_hand(size, strides, padding):
    x = np.abs(frames(2, 4, 6, 7, 3))
    for kind, function in (("max", np.max), ("average", np.mean)):
        layer = ClipPool(kind, size, strides, padding)
        expected = by_hand(x, size, strides, padding, function)
        np.testing.assert_allclose(array(layer(x)), expected, atol=1e-6)
        assert layer.compute_output_shape(x.shape) == expected.shape


def test_works_everywhere(tmp_path):
    def make_layer(**options):
        return ClipPool("average", *WINDOWS["3D"], **options)

    assert_layer_works(make_layer, frames(2, 4, 6, 7, 3), tmp_path)


def test_refuses_an_unknown_kind():
    with refuses("kind", "max, average", "median"):
        ClipPool("median", (1, 2, 2), (1, 2, 2))
