"""Measures the training input against a bare PyAV loop that converts the same frames.

python -m benchmarks.training_input --data=DIR
"""

import pathlib
import statistics
from collections.abc import Sequence

from absl import flags

from benchmarks.results import RESULTS, publish, result_path, version_of
from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.listing import Listing
from tsm_tf.data.video import Video
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import interleaved, paired_ratio
from tsm_tf.versions import device

_SEED = 0


def bare_loop(videos: Sequence[Video], num_segments: int) -> int:
    """Decodes each video up to the last frame of a clip and converts the clip's frames.

    A user would write this loop in ten lines. It shares no decoder code with the project.

    Returns:
        The number of converted frames.
    """
    import av
    import numpy as np

    from tsm_tf.data.sampling import train_indices

    converted = 0
    for number, video in enumerate(videos):
        rng = np.random.default_rng((_SEED, number))
        wanted = set(train_indices(video.num_frames, num_segments, rng).tolist())

        with av.open(video.path) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index in wanted:
                    converted += frame.to_ndarray(format="rgb24").shape[0] > 0
                if index >= max(wanted):
                    break
    return converted


def measure(listing: Listing, spec: ModelSpec, batch_size: int, rounds: int) -> dict[str, object]:
    """Returns videos per second of both, and the ratio of the pipeline's speed to the loop's."""
    from tsm_tf.data.augment import Augmentation
    from tsm_tf.data.epoch_order import Order
    from tsm_tf.data.pipeline import clip_dataset

    videos = listing.videos("train")
    dataset = clip_dataset(
        listing,
        spec,
        "train",
        batch_size,
        augmentation=Augmentation(),
        order=Order(seed=_SEED),
    )
    calls = {
        "pipeline": lambda: sum(1 for _ in dataset),
        "bare loop": lambda: bare_loop(videos, spec.num_segments),
    }
    seconds = interleaved(calls, rounds)

    return {
        "pipeline_videos_per_s": _rate(videos, seconds["pipeline"]),
        "bare_loop_videos_per_s": _rate(videos, seconds["bare loop"]),
        "speed_ratio": round(paired_ratio(seconds["bare loop"], seconds["pipeline"]), 3),
        "videos": len(videos),
        "rounds": rounds,
    }


def _rate(videos, seconds):
    return round(len(videos) / statistics.median(seconds), 1)


def define_flags():
    data_flags.define()
    flags.DEFINE_integer("batch_size", 16, "Clips per batch.", lower_bound=1)
    flags.DEFINE_integer("input_size", 64, "Height and width of a frame.", lower_bound=32)
    flags.DEFINE_integer("rounds", 10, "Timed passes over the data.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV file.")


def main():
    values = flags.FLAGS
    listing = data_flags.read("train")
    spec = ModelSpec(
        num_classes=len(listing.labels),
        labels=listing.labels,
        input_size=values.input_size,
    )

    row = measure(listing, spec, values.batch_size, values.rounds)
    path = result_path(
        pathlib.Path(values.output),
        "training_input",
        ["uint8"],
        device(),
        [version_of("av")],
    )
    publish([row], path)


if __name__ == "__main__":
    cli.run(main, define_flags)
