"""Mutations of a folder of shards: the manifest, the index or a shard.

Half of the mutated manifests and indexes get digests that fit, as an attacker would write them.
"""

import hashlib
import json
import pathlib

import cv2
import numpy as np
from fuzz.mutate import flip_bits, mutate
from fuzz.numbered import numbered_frames
from videos import encode
from writing import replaced, write_shards

from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.spec import ModelSpec

_COUNT = 8
_FIRST = {"a.mp4": 0, "b c.mp4": 16, "d.mp4": 32}
_VALUES = (-1, 0, 1, 2, 2**31, 2**53, 2**64, 1.5, -0.0, 1e308, True, None, "", "../a", [], {}, [0])


class ShardsKind:
    """Changes a file of a folder of shards, and loads the clips."""

    def __init__(self, originals: pathlib.Path):
        self.files = {path.name: path.read_bytes() for path in (originals / "shards").iterdir()}

    @staticmethod
    def write_originals(folder: pathlib.Path) -> None:
        lines = []
        for name, first in _FIRST.items():
            encode(folder / name, numbered_frames(first, _COUNT), options={"crf": "10"})
            lines.append(f'"{name}" {_COUNT} 0\n')
        for split in ("train", "val"):
            (folder / f"{split}.txt").write_text("".join(lines))
        (folder / "labels.txt").write_text("first\nsecond\n")
        write_shards(folder, folder / "shards", replaced(short_side=48, quality=95))

    def run(self, folder: pathlib.Path, rng: np.random.Generator) -> str:
        files = dict(self.files)
        changed = sorted(files)[rng.integers(len(files))]
        if rng.random() < 0.5:
            change = _change_json if changed.endswith(".json") else _flip_bits  # keeps its size
        else:
            change = mutate
        files[changed] = change(files[changed], list(files.values()), rng)
        if changed == "index.json" and rng.random() < 0.5:
            manifest = json.loads(files["shards.json"])
            manifest["index"]["sha256"] = hashlib.sha256(files[changed]).hexdigest()
            files["shards.json"] = json.dumps(manifest).encode()
        for name, content in files.items():
            (folder / name).write_bytes(content)

        listing = Listing(folder)
        spec = ModelSpec(num_classes=max(1, len(listing.labels)), num_segments=4, input_size=48)
        videos = listing.videos("train")
        loader = ClipLoader(videos, spec.replace(crop_pct=1.0), listing.source)
        for index, video in enumerate(videos[:5]):
            assert video.label in range(-1, len(listing.labels))
            clip, _ = loader.load(0, index)
            self._check(clip)
        return "read"

    def _check(self, clip):
        frames = np.concatenate([numbered_frames(first, _COUNT) for first in _FIRST.values()])
        left = round((frames.shape[2] * 48 // frames.shape[1] - 48) / 2)
        for frame in clip:
            assert _distance(frames, frame, left) < 12


def _distance(frames, frame, left):
    """Returns how far a frame is from the most similar one of the originals."""
    width = frames.shape[2] * 48 // frames.shape[1]
    small = np.stack([cv2.resize(f, (width, 48), interpolation=cv2.INTER_AREA) for f in frames])
    crop = small[:, :, left : left + 48]
    return np.abs(crop.astype(int) - frame).mean((1, 2, 3)).min()


def _flip_bits(content, others, rng):
    return bytes(flip_bits(bytearray(content), others, rng))


def _change_json(content, others, rng):
    """Replaces a value anywhere in a JSON document."""
    document = json.loads(content)
    parent, key = None, None
    node = document
    while isinstance(node, (dict, list)) and node and (parent is None or rng.random() < 0.9):
        parent = node
        keys = list(node) if isinstance(node, dict) else range(len(node))
        key = keys[rng.integers(len(keys))]
        node = node[key]
    if rng.random() < 0.1:
        del parent[key]
    else:
        parent[key] = _VALUES[rng.integers(len(_VALUES))]
    return json.dumps(document).encode()
