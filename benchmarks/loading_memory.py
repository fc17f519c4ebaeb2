"""Memory of a process that loads 3 epochs of 5,000 clips from shards: flat, and how much.

Clips of 8 frames at 224x224, in batches of 16, as a training gets them. A process of its own loads
them, so that nothing else counts.
"""

import json
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.shard_reading import SETTINGS, SOMETHING, write_data

PACKAGE = "tensorflow"

CLIPS, EPOCHS, BATCH = 5000, 3, 16
MOST_MIB = 1536
MOST_GROWTH = 0.05  # from the first epoch to the last

_VIDEOS = 100
_MIB = 2**20


def measure(work: pathlib.Path, rounds: int) -> list[dict[str, object]]:
    """Returns memory and speed after each epoch; `rounds` is of no use here."""
    from tsm_tf.data.listing import Listing
    from tsm_tf.data.shard.run import run

    videos, shards = work / "videos", work / "shards"
    write_data(videos, SOMETHING, _VIDEOS)
    run(Listing(videos), str(shards), SETTINGS)
    return memory_of_a_process(shards)


def conclusions(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns whether the memory is flat, and below its limit."""
    first, *_, last = [float(str(row["resident_mib"])) for row in rows]
    peak = max(float(str(row["peak_mib"])) for row in rows)
    growth = last / first - 1
    return [
        f"peak {peak:.0f} MiB of at most {MOST_MIB}: {'kept' if peak <= MOST_MIB else 'MISSED'}",
        f"growth {growth:.1%} of at most {MOST_GROWTH:.0%}: "
        f"{'kept' if growth <= MOST_GROWTH else 'MISSED'}",
    ]


def memory_of_a_process(shards: pathlib.Path) -> list[dict[str, object]]:
    """Returns the rows of `load` in a process of its own, which prints them as it goes."""
    command = [sys.executable, "-m", "benchmarks.loading_memory", str(shards)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rows = []
        for line in process.stdout:
            rows.append(json.loads(line))
            print(f"  {rows[-1]}", flush=True)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return rows


def load(shards: str) -> None:
    """Loads the epochs, and prints a row in JSON after each."""
    from tsm_tf.data.augment import Augmentation
    from tsm_tf.data.listing import Listing
    from tsm_tf.data.pipeline import clip_dataset
    from tsm_tf.spec import ModelSpec

    listing = Listing(shards)
    spec = ModelSpec(num_classes=len(listing.labels), labels=listing.labels)
    dataset = clip_dataset(listing, spec, "train", BATCH, augmentation=Augmentation())
    batches = iter(dataset.repeat())

    for epoch in range(EPOCHS):
        started = time.perf_counter()
        clips = 0
        while clips < CLIPS:
            clips += len(next(batches)[1])
        row = {
            "epoch": epoch + 1,
            "clips": clips,
            "clips_per_s": round(clips / (time.perf_counter() - started), 1),
            "resident_mib": round(_resident_bytes() / _MIB),
            "peak_mib": round(_peak_bytes() / _MIB),
        }
        print(json.dumps(row), flush=True)


def _peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident_bytes():
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():  # not Linux
        return _peak_bytes()
    return int(statm.read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    load(sys.argv[1])
