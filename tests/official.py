"""Rebuilds the original implementation's weights and inputs, as in tests/golden/README.md."""

import hashlib
import json
import math

import numpy as np


def _normal(seed, name, shape):
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))
    return generator.standard_normal(shape, dtype=np.float32)


class OfficialCase:
    """A golden case: settings, weights by official name, input, and the original's outputs.

    Those of the paper's other networks (tests/golden/NETWORKS.md) have `files="networks"`.
    """

    def __init__(self, golden_dir, key, files="official"):
        description = json.loads((golden_dir / f"{files}_checkpoints.json").read_text())[key]
        self.key = key
        self.settings = description["settings"]
        self.seed = description["seed"]
        self.weights_sha256 = description["weights_sha256"]
        self.first_values = description["first_values"]
        self.shapes = {
            name: shape for name, shape in description["state_dict"] if "num_batches" not in name
        }
        self.input = _normal(self.seed, "input", description["input_shape"])
        with np.load(golden_dir / f"{files}_logits.npz") as arrays:
            self.expected = {
                k.split("/", 1)[1]: arrays[k] for k in arrays.files if k.startswith(f"{key}/")
            }

    def state_dict(self):
        return {name: self._tensor(name, shape) for name, shape in self.shapes.items()}

    def _tensor(self, name, shape):
        z = _normal(self.seed, name, shape)
        prefix, parameter = name.rsplit(".", 1)
        if parameter == "filter_weight":
            return np.float32(0.05) * z
        if f"{prefix}.running_mean" in self.shapes:
            if parameter == "weight":
                g0, g1 = (np.float32(g) for g in self.settings["gamma"])
                return g0 + g1 * z
            return (
                1 + np.float32(0.1) * np.abs(z)
                if parameter == "running_var"
                else np.float32(0.05) * z
            )
        return (
            np.float32(0.05) * z
            if parameter == "bias"
            else z * np.float32(math.sqrt(2 / math.prod(shape[1:])))
        )

    def digest(self):
        sha = hashlib.sha256()
        for name, array in sorted(self.state_dict().items()):
            sha.update(name.encode() + array.astype("<f4").tobytes())
        return sha.hexdigest()
