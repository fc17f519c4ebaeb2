"""Weights for tests."""

import numpy as np


def with_weights(model, seed=0):
    """Weights as after training, so that no path of the network is a zero."""
    rng = np.random.default_rng(seed)
    for v in model.weights:
        if "variance" in v.path or "gamma" in v.path:
            v.assign(rng.uniform(0.6, 1.2, v.shape))
        elif "kernel" in v.path:
            fan_in = np.prod(
                v.shape[:2] if v.shape[-1] == 1 else v.shape[:-1]
            )  # a depthwise kernel sees one channel
            v.assign(rng.normal(0, np.sqrt(2 / fan_in), v.shape))
        elif "seed" not in v.path:
            v.assign(rng.normal(0, 0.05, v.shape))
    return model
