"""Measures clips from shards against clips from video files, and what a training needs of them.

`benchmarks.data_loading` calls these functions; each returns rows for a CSV file.
"""

import pathlib
import resource
import statistics
import sys
import time
from collections.abc import Callable

from tsm_tf.timing import paired_ratio

_SEED = 0
_TEXTURE_STEP = 4  # pixels; finer textures do not survive the compression
_RATE = 25
_MIB = 2**20

SHAPES = {"300 frames, 340x256": (300, 340, 256), "40 frames, 426x240": (40, 426, 240)}
"""Frames, width and height, as in Kinetics and in Something-Something."""


def write_videos(folder: pathlib.Path, count: int, shape: tuple[int, int, int]) -> pathlib.Path:
    """Writes a data folder whose videos show a moving texture, H.264 as x264 makes it by default.

    Args:
        folder: a new folder.
        count: number of videos.
        shape: frames, width and height.
    """
    import av
    import cv2
    import numpy as np

    folder.mkdir(parents=True)
    num_frames, width, height = shape
    lines = []
    for number in range(count):
        rng = np.random.default_rng((_SEED, number))
        size = (2 * height // _TEXTURE_STEP, 2 * width // _TEXTURE_STEP, 3)
        coarse = rng.integers(0, 256, size, dtype=np.uint8)
        texture = cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
        speed = rng.uniform(0.2, 1, 2) * (width, height) / num_frames

        path = folder / f"{number}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=_RATE)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for t in range(num_frames):
                x, y = (speed * t).astype(int)
                picture = texture[y : y + height, x : x + width]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        lines.append(f"{path.name} {num_frames} {number % 2}\n")

    for split in ("train", "val"):
        (folder / f"{split}.txt").write_text("".join(lines))
    (folder / "labels.txt").write_text("one\ntwo\n")
    return folder


def cpu_per_clip(
    videos: pathlib.Path,
    shards: str,
    num_segments: int = 8,
    input_size: int = 224,
    rounds: int = 10,
) -> dict[str, object]:
    """Compares the processor time of training clips from videos and from shards of them.

    Args:
        videos: the data folder.
        shards: the folder of its shards.
        num_segments: frames per clip.
        input_size: height and width of a clip.
        rounds: timed passes over the data.
    """
    seconds = {name: [] for name in ("videos", "shards")}
    loads = {
        "videos": _loads(str(videos), num_segments, input_size),
        "shards": _loads(shards, num_segments, input_size),
    }
    for load in loads.values():
        load(0)
    for number in range(rounds):
        for name in sorted(loads, reverse=bool(number % 2)):
            started = time.process_time()
            clips = loads[name](number + 1)
            seconds[name].append((time.process_time() - started) / clips)

    ratio = paired_ratio(seconds["videos"], seconds["shards"])
    return {
        "videos_ms_per_clip": round(1e3 * statistics.median(seconds["videos"]), 2),
        "shards_ms_per_clip": round(1e3 * statistics.median(seconds["shards"]), 2),
        "speed_ratio": round(ratio, 2),
        "bytes_ratio": round(_size(pathlib.Path(shards), "*.tfrecord") / _size(videos, "*.mp4"), 1),
        "rounds": rounds,
    }


def _loads(data: str, num_segments: int, input_size: int) -> Callable[[int], int]:
    """Returns a function that loads each clip of an epoch once, and returns their number."""
    from tsm_tf.data.augment import Augmentation
    from tsm_tf.data.listing import Listing
    from tsm_tf.data.loader import ClipLoader
    from tsm_tf.spec import ModelSpec

    listing = Listing(data)
    spec = ModelSpec(
        num_classes=len(listing.labels),
        labels=listing.labels,
        num_segments=num_segments,
        input_size=input_size,
    )
    videos = listing.videos("train")
    loader = ClipLoader(videos, spec, listing.source, Augmentation(), _SEED)

    def load(epoch: int) -> int:
        for index in range(len(videos)):
            loader.load(epoch, index)
        return len(videos)

    return load


def _size(folder: pathlib.Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def memory_over_epochs(
    shards: str,
    clips: int = 5000,
    epochs: int = 3,
    batch_size: int = 16,
    num_segments: int = 8,
    input_size: int = 224,
    progress: Callable[[str], object] = print,
) -> list[dict[str, object]]:
    """Returns the memory of this process after each epoch of clips from shards.

    Run it in a process of its own.

    Args:
        shards: the folder of the shards. Its videos are repeated if they are fewer than `clips`.
        clips: clips per epoch.
        epochs: number of epochs.
        batch_size: clips per batch.
        num_segments: frames per clip.
        input_size: height and width of a clip.
        progress: called with a message after each epoch.
    """
    dataset = _dataset(shards, batch_size, num_segments, input_size)
    rows, steps = [], clips // batch_size
    batches = iter(dataset.repeat())
    for epoch in range(epochs):
        started = time.perf_counter()
        for _ in range(steps):
            next(batches)
        rows.append(
            {
                "epoch": epoch + 1,
                "clips": steps * batch_size,
                "clips_per_s": round(steps * batch_size / (time.perf_counter() - started), 1),
                "resident_mib": round(_resident_bytes() / _MIB),
                "peak_mib": round(_peak_bytes() / _MIB),
            }
        )
        progress(f"  {rows[-1]}")
    return rows


def _dataset(data: str, batch_size: int, num_segments: int, input_size: int):
    from tsm_tf.data.augment import Augmentation
    from tsm_tf.data.listing import Listing
    from tsm_tf.data.pipeline import clip_dataset
    from tsm_tf.spec import ModelSpec

    listing = Listing(data)
    spec = ModelSpec(
        num_classes=len(listing.labels),
        labels=listing.labels,
        num_segments=num_segments,
        input_size=input_size,
    )
    return clip_dataset(listing, spec, "train", batch_size, augmentation=Augmentation())


def _peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident_bytes():
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():
        return _peak_bytes()
    return int(statm.read_text().split()[1]) * resource.getpagesize()
