import numpy as np

from tsm_tf.multi_label.sigmoid import sigmoid


def test_probabilities():
    logits = np.array([[0, np.log(3), -np.log(3)], [800, -800, 30]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        probabilities = sigmoid(logits)
    np.testing.assert_allclose(
        probabilities, [[0.5, 0.75, 0.25], [1, 0, 1 / (1 + np.exp(-30))]], atol=1e-7
    )
    assert probabilities.dtype == np.float64
