"""Training input against a bare PyAV loop over the same files that converts the same frames.

python -m benchmarks.training_input --data=DIR --output=benchmarks
"""

import pathlib
import statistics

from absl import flags

from tsm_tf import cli
from tsm_tf.analysis.timing import interleaved, paired_ratio, publish
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order
from tsm_tf.data.listing import Listing
from tsm_tf.spec import ModelSpec

_SEED = 0


def bare_loop(videos, num_segments: int) -> int:
    """Decodes each video in turn up to the last frame of a clip and converts the clip's frames, and nothing else.

    This is what a person would write in ten lines; it shares no code with `decode.py`.
    """
    import av
    import numpy as np

    from tsm_tf.data.sampling import train_indices

    converted = 0
    for number, video in enumerate(videos):
        wanted = set(
            train_indices(
                video.num_frames, num_segments, np.random.default_rng((_SEED, number))
            ).tolist()
        )
        with av.open(str(video.path)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index in wanted:
                    converted += frame.to_ndarray(format="rgb24").shape[0] > 0
                if index >= max(wanted):
                    break
    return converted


def measure(listing: Listing, spec: ModelSpec, batch_size: int, rounds: int) -> dict:
    """Returns videos per second of both, and the ratio of the pipeline's speed to the loop's."""
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
    rates = {
        name: round(len(videos) / statistics.median(times), 1) for name, times in seconds.items()
    }
    ratio = paired_ratio(seconds["bare loop"], seconds["pipeline"])
    return {
        "pipeline_videos_per_s": rates["pipeline"],
        "bare_loop_videos_per_s": rates["bare loop"],
        "speed_ratio": round(ratio, 3),
        "videos": len(videos),
        "rounds": rounds,
    }


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("data", None, "Folder with train.txt and labels.txt.", required=True)
    flags.DEFINE_integer("batch_size", 16, "Clips a batch.", lower_bound=1)
    flags.DEFINE_integer("input_size", 64, "Height and width of a frame.", lower_bound=32)
    flags.DEFINE_integer("rounds", 10, "Passes over the data of each.", lower_bound=1)
    flags.DEFINE_string("output", "benchmarks", "Folder for training_input.csv.")


def main():
    """Measures, prints, writes the CSV."""
    values = flags.FLAGS
    listing = Listing(values.data)
    labels = listing.labels
    spec = ModelSpec(num_classes=len(labels), labels=labels, input_size=values.input_size)
    row = measure(listing, spec, values.batch_size, values.rounds)
    publish([row], pathlib.Path(values.output) / "training_input.csv")


if __name__ == "__main__":
    cli.run(main, define_flags)
