import numpy as np
from testing import array, frames

from tsm_tf.detection.fgfa.embedding import build_embedding


def test_the_papers_size():
    model = build_embedding(38, 63)
    assert model.output.shape == (None, 38, 63, 2048)
    expected = (1024 * 512 + 512) + (9 * 512 * 512 + 512) + (512 * 2048 + 2048)
    assert model.count_params() == expected


def test_by_hand():
    model = build_embedding(4, 5, channels=6)
    for number, layer in enumerate(model.layers[1:]):
        for i, weight in enumerate(layer.weights):
            weight.assign(frames(*weight.shape, seed=2 * number + i))
    x = frames(2, 4, 5, 6)

    (k1, b1), (k2, b2), (k3, b3) = (map(array, layer.weights) for layer in model.layers[1:])
    hidden = np.maximum(x @ k1[0, 0] + b1, 0)
    padded = np.pad(hidden, ((0, 0), (1, 1), (1, 1), (0, 0)))
    hidden = b2 + sum(padded[:, i : i + 4, j : j + 5] @ k2[i, j] for i, j in np.ndindex(3, 3))
    expected = np.maximum(hidden, 0) @ k3[0, 0] + b3
    np.testing.assert_allclose(array(model(x)), expected, rtol=1e-4, atol=1e-4)
