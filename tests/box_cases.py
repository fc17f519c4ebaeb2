"""Outputs of detectors, for tests of what reads them in Python, JavaScript and Java."""

import numpy as np


def random_outputs(rng, spec, count):
    """What a detector may give, or a damaged one: boxes outside of the image, and no classes."""
    num = spec.max_detections
    outputs = {
        "boxes": np.sort(rng.uniform(-0.2, 1.3, (1, num, 2, 2)), axis=2).reshape(1, num, 4),
        "classes": rng.choice([0, 1, 2, 3, -1, 1e9, np.nan], (1, num)),
        "scores": np.sort(rng.random((1, num)))[:, ::-1],
        "count": np.array([count]),
    }
    return {name: values.astype(np.float32) for name, values in outputs.items()}
