"""Mutations of a folder's lists and class names."""

import pathlib
import shutil

import numpy as np
from fuzz.mutate import mutate
from fuzz.numbered import numbered_frames
from videos import encode

from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.spec import ModelSpec

_COUNT = 8
_FIRST = {"a.mp4": 0, "folder/b c.mp4": 16, 'quote"d.mp4': 32}
_SECRET = 48
"""First number of the video outside of the data folder."""
_LIST = 'a.mp4 8 0\n"folder/b c.mp4" -1 1\nquote\\"d.mp4 8 2\n'
_SEGMENTS = 'a.mp4 0 0.3 0\na.mp4 0.3 0.8 1\n"folder/b c.mp4" 0.1 0.5 2\n'
_LABELS = "first\nsecond one\nNo gesture\n"
_INSERTS = (
    b"../secret.mp4 8 0\n",
    b"folder/../../secret.mp4 -1 1\n",
    b"\xef\xbb\xbf",
    b"\r",
    b"\0",
    b"\xe2\x80\xa8",
    b"\x85",
    b"\x0c",
    b"\xff\xfe",
    b"'",
    b'"',
    b"\\",
    b" ",
    b"\t",
    b",",
    b"-1",
    b"nan",
    b"inf",
    b"1e999",
    b"9" * 400,
    b"a" * 5000,
    b"\xc2\xa0",
    b"0x10",
    b"1_000",
    b"\n" * 50,
    "٣".encode(),
    "²".encode(),
    b"#",
    b"file:",
    b"http://127.0.0.1:9/a.mp4 8 0\n",
    b"/dev/zero 8 0\n",
)


class ListFilesKind:
    """Changes a list or the class names, and loads the clips."""

    def __init__(self, originals: pathlib.Path):
        self.originals = originals

    @staticmethod
    def write_originals(folder: pathlib.Path) -> None:
        (folder / "folder").mkdir()
        for name, first in {**_FIRST, "secret.mp4": _SECRET}.items():
            encode(folder / name, numbered_frames(first, _COUNT), options={"crf": "10"})

    def run(self, folder: pathlib.Path, rng: np.random.Generator) -> str:
        data = folder / "data"
        data.mkdir()
        (data / "folder").mkdir()
        for name in _FIRST:
            shutil.copy(self.originals / name, data / name)
        shutil.copy(self.originals / "secret.mp4", folder)

        files = {
            "train.txt": (_LIST, _SEGMENTS)[rng.integers(2)].encode(),
            "labels.txt": _LABELS.encode(),
        }
        changed = "train.txt" if rng.random() < 0.8 else "labels.txt"
        files[changed] = _change(files[changed], list(files.values()), rng)
        for name, content in files.items():
            (data / name).write_bytes(content)

        listing = Listing(data)
        videos = listing.videos("train")
        spec = ModelSpec(num_classes=max(1, len(listing.labels)), num_segments=4, input_size=32)
        loader = ClipLoader(videos, spec.replace(crop_pct=1.0), listing.source)
        for index, video in enumerate(videos[:5]):
            assert video.label in range(-1, len(listing.labels))
            clip, _ = loader.load(0, index)
            self._check(video, clip)
        return "read"

    def _check(self, video, clip):
        first = next(first for name, first in _FIRST.items() if video.path.endswith(name))
        # At half the size, the crop is 32 of 48 pixels wide.
        frames = numbered_frames(first, _COUNT)[:, ::2, ::2][:, :, 8:40]
        for frame in clip:
            differences = np.abs(frames.astype(int) - frame).mean((1, 2, 3))
            assert differences.min() < 12, (video, differences.min())


def _change(content, others, rng):
    if rng.random() < 0.5:
        return mutate(content, others, rng)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(content) + 1))
        content = content[:place] + _INSERTS[rng.integers(len(_INSERTS))] + content[place:]
    return content
