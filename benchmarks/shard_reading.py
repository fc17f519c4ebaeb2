"""Clips from shards against clips from the videos that the shards were made of: processor time.

Both load the same training clips, 8 frames at 224x224 with a multi-scale crop, in one thread. From
shards, only the requested frames are decoded, and only where they are cropped.
"""

import pathlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import av
import cv2
import numpy as np

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.shard.run import run
from tsm_tf.data.shard.settings import Settings
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import paired_ratio

PACKAGE = "tensorflow"

SETTINGS = Settings(quality=85, short_side=256)

SHAPES = {
    # name: number of videos, frames, width, height, and how many times faster shards must be
    "Kinetics": (6, 300, 340, 256, 5.0),
    "Something-Something": (24, 40, 426, 240, 2.5),
}

_SEED = 0
_RATE = 25
_TEXTURE_STEP = 4  # pixels; finer textures do not survive the compression


def measure(work: pathlib.Path, rounds: int) -> list[dict[str, object]]:
    """Returns milliseconds of processor time per clip and their ratio, for each shape of videos."""
    rows = []
    for name, (count, frames, width, height, _) in SHAPES.items():
        videos, shards = work / name, work / f"{name} shards"
        write_videos(videos, count, frames, width, height)
        run(Listing(videos), str(shards), SETTINGS)

        loads = {"videos": clips_of(videos), "shards": clips_of(shards)}
        seconds = _processor_seconds(loads, rounds)
        rows.append(
            {
                "videos": name,
                "frames": frames,
                "videos_ms_per_clip": _milliseconds(seconds["videos"], count),
                "shards_ms_per_clip": _milliseconds(seconds["shards"], count),
                "ratio": round(paired_ratio(seconds["videos"], seconds["shards"]), 2),
                "bytes_ratio": round(_size(shards, "*.tfrecord") / _size(videos, "*.mp4"), 1),
                "rounds": rounds,
            }
        )
    return rows


def conclusions(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns which ratios are reached, and what limits the speed."""
    lines = []
    for row in rows:
        least = SHAPES[str(row["videos"])][-1]
        verdict = "reached" if float(str(row["ratio"])) >= least else "MISSED"
        lines.append(f"{row['videos']}: ratio {row['ratio']} of at least {least}: {verdict}")
    return [*lines, "limited by the decoding of JPEG, from videos by that of all frames before"]


def write_videos(folder: pathlib.Path, count: int, frames: int, width: int, height: int) -> None:
    """Writes a data folder whose videos show a moving texture, H.264 as x264 makes it by default.

    Args:
        folder: a new folder.
        count: number of videos, which are in the lists of both splits.
        frames: number of frames of each.
        width: in pixels.
        height: in pixels.
    """
    folder.mkdir(parents=True)
    for number in range(count):
        with av.open(str(folder / f"{number}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=_RATE)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in _moving_texture(number, frames, width, height):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    lines = "".join(f"{number}.mp4 {frames} {number % 2}\n" for number in range(count))
    for split in ("train", "val"):
        (folder / f"{split}.txt").write_text(lines)
    (folder / "labels.txt").write_text("one\ntwo\n")


def _moving_texture(number, frames, width, height):
    rng = np.random.default_rng((_SEED, number))
    size = (2 * height // _TEXTURE_STEP, 2 * width // _TEXTURE_STEP, 3)
    coarse = rng.integers(0, 256, size, dtype=np.uint8)
    texture = cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    speed = rng.uniform(0.2, 1, 2) * (width, height) / frames
    for t in range(frames):
        x, y = (speed * t).astype(int)
        yield np.array(texture[y : y + height, x : x + width], np.uint8)


def clips_of(data: pathlib.Path) -> Callable[[int], None]:
    """Returns a function that loads one clip of each training video, for an epoch."""
    listing = Listing(data)
    spec = ModelSpec(num_classes=len(listing.labels), labels=listing.labels)
    videos = listing.videos("train")
    loader = ClipLoader(videos, spec, listing.source, Augmentation(), _SEED)

    def load(epoch: int) -> None:
        for index in range(len(videos)):
            loader.load(epoch, index)

    return load


def _processor_seconds(loads, rounds):
    """Times functions in turns, by the time of the processor rather than of the wall."""
    seconds = {name: [] for name in loads}
    for epoch in range(rounds + 1):
        for name, load in loads.items():
            started = time.process_time()
            load(epoch)
            if epoch:  # the first one warms up
                seconds[name].append(time.process_time() - started)
    return seconds


def _milliseconds(seconds, clips):
    return round(1e3 * statistics.median(seconds) / clips, 2)


def _size(folder, pattern):
    return sum(path.stat().st_size for path in folder.glob(pattern))
