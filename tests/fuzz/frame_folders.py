"""Mutations of folders of images, one per video."""

import os
import pathlib

import cv2
import numpy as np
from fuzz.mutate import mutate, truncate
from fuzz.numbered import HEIGHT, numbered_frames, read_number

from tsm_tf.data.sampling import center_indices
from tsm_tf.data.sources.frame_folder import FrameFolders

_COUNT = 10
_FIRST = 5
_NAMES = ("{:05d}.jpg", "{:06d}.jpg", "img_{:05d}.jpg", "image_{:05d}.png", "frame{:06d}.jpeg")


class FrameFoldersKind:
    """Changes the images of a folder, or their names, and reads a clip."""

    def __init__(self, originals: pathlib.Path):
        self.originals = originals
        self.images = {path.suffix: [] for path in originals.iterdir()}
        for path in sorted(originals.iterdir()):
            self.images[path.suffix].append(path.read_bytes())
        self.secret = self.images[".jpg"].pop()

    @staticmethod
    def write_originals(folder: pathlib.Path) -> None:
        for index, frame in enumerate(numbered_frames(_FIRST, _COUNT + 1)):
            for suffix in (".jpg", ".png"):
                cv2.imwrite(str(folder / f"{index:02}{suffix}"), frame)

    def run(self, folder: pathlib.Path, rng: np.random.Generator) -> str:
        video = folder / "video"
        video.mkdir()
        (folder / "secret.jpg").write_bytes(self.secret)
        pattern, start = _NAMES[rng.integers(len(_NAMES))], int(rng.integers(2))
        images = self.images[".png" if pattern.endswith("png") else ".jpg"]
        for index, content in enumerate(images[:_COUNT]):
            (video / pattern.format(start + index)).write_bytes(content)
        changes = [self._change(video, pattern, rng) for _ in range(rng.integers(1, 4))]

        source = FrameFolders(25.0, (os.path.realpath(video),))
        num_frames = source.num_frames(str(video))
        assert source.times(str(video)).shape == (num_frames,)
        frames = source.read(str(video), center_indices(num_frames, 4).tolist(), HEIGHT)

        numbers = [read_number(frame) for frame in frames]
        if "bytes" not in changes:
            assert all(number in range(_FIRST, _FIRST + _COUNT) for number in numbers), numbers
        return "read" if None not in numbers else "read, with damage that no decoder sees"

    def _change(self, video, pattern, rng) -> str:
        paths = [p for p in sorted(video.iterdir()) if p.is_file() and not p.is_symlink()]
        path = paths[rng.integers(len(paths))]
        kind = rng.integers(9)
        if kind <= 2:
            change = mutate if kind else truncate
            path.write_bytes(change(path.read_bytes(), self.images[".jpg"], rng))
            return "bytes"
        if kind == 3:
            path.unlink()
        elif kind == 4:
            number = int(rng.choice([0, 12, 10**5, 10**9]))
            path.rename(path.with_name(pattern.format(number)))
        elif kind == 5:  # what other systems leave behind
            name = ("._" + path.name, ".DS_Store", "Thumbs.db", "\udcff.jpg", path.name.upper())
            (video / name[rng.integers(len(name))]).write_bytes(b"\0\5\x16\7")
        elif kind == 6:
            path.unlink()
            path.symlink_to(("../secret.jpg", "/dev/zero", path.name)[rng.integers(3)])
        elif kind == 7:
            path.unlink()
            (path.mkdir, lambda: os.mkfifo(path))[rng.integers(2)]()
        else:
            path.write_bytes(b"")
        return "names"
