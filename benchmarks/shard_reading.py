"""Clips from shards against clips from the videos that the shards were made of: processor time.

Both load the same training clips, 8 frames at 224x224 with a multi-scale crop, in one thread. From
shards, only the requested frames are decoded, and only where they are cropped.
"""

import pathlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.video_reading import VIDEOS, Videos, write_video
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import ClipLoader
from tsm_tf.data.shard.run import run
from tsm_tf.data.shard.settings import Settings
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import paired_ratio

PACKAGE = "tensorflow"

SETTINGS = Settings(quality=85, short_side=256)

KINETICS, SOMETHING = VIDEOS[:2]
PARTS = ((KINETICS, 6, 5.0), (SOMETHING, 24, 2.5))
"""Videos, their number, and how many times less processor time clips from shards must take."""

_SEED = 0


def measure(work: pathlib.Path, rounds: int) -> list[dict[str, object]]:
    """Returns milliseconds of processor time per clip and their ratio, for each shape of videos."""
    return [_measure(kind, count, work, rounds) for kind, count, _ in PARTS]


def conclusions(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns which ratios are reached, and what limits the speed."""
    lines = []
    for row, (kind, _, least) in zip(rows, PARTS, strict=True):
        verdict = "reached" if float(str(row["ratio"])) >= least else "MISSED"
        lines.append(f"{kind.name}: ratio {row['ratio']} of at least {least}: {verdict}")
    return [*lines, "limited by decoding JPEG; from videos, by decoding all frames before"]


def _measure(kind, count, work, rounds):
    videos, shards = work / kind.codec, work / f"{kind.codec} shards"
    write_data(videos, kind, count)
    run(Listing(videos), str(shards), SETTINGS)

    loads = {"videos": clips_of(videos), "shards": clips_of(shards)}
    seconds = _processor_seconds(loads, rounds)
    return {
        "videos": kind.name,
        "videos_ms_per_clip": _milliseconds(seconds["videos"], count),
        "shards_ms_per_clip": _milliseconds(seconds["shards"], count),
        "ratio": round(paired_ratio(seconds["videos"], seconds["shards"]), 2),
        "bytes_ratio": round(_size(shards, "*.tfrecord") / _size(videos, f"*.{kind.suffix}"), 1),
        "rounds": rounds,
    }


def write_data(folder: pathlib.Path, kind: Videos, count: int) -> None:
    """Writes a data folder with synthetic videos, which are in the lists of both splits."""
    folder.mkdir(parents=True)
    lines = []
    for number in range(count):
        path = write_video(folder / f"{number}.{kind.suffix}", kind, number)
        lines.append(f"{pathlib.Path(path).name} {kind.frames} {number % 2}\n")

    for split in ("train", "val"):
        (folder / f"{split}.txt").write_text("".join(lines))
    (folder / "labels.txt").write_text("one\ntwo\n")


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
