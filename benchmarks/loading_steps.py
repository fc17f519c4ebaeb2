"""Training steps with clips from shards against steps on one batch that stays in memory.

The share of time that the progress line calls "waiting for data" is measured beside them.
"""

import contextlib
import io
import pathlib
import statistics
import time
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from benchmarks.shard_reading import SETTINGS, SOMETHING, write_data
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.listing import Listing
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.shard.run import run
from tsm_tf.models.clip import build_model
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import paired_ratio
from tsm_tf.training.progress import Progress

PACKAGE = "tensorflow"

MOST_RATIO = 1.05
_BATCH = 8
_STEPS = 6  # per round, of which the first is not timed
_VIDEOS = 96


def measure(work: pathlib.Path, rounds: int) -> list[dict[str, object]]:
    """Returns seconds per step with and without data, and the share of waiting."""
    videos, shards = work / "videos", work / "shards"
    write_data(videos, SOMETHING, _VIDEOS)
    run(Listing(videos), str(shards), SETTINGS)

    listing = Listing(str(shards))
    spec = ModelSpec(num_classes=2, labels=listing.labels, width=0.5)
    model = build_model(spec)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batch = next(iter(_clips(listing, spec, Observer())))
    memory = tf.data.Dataset.from_tensors(batch).repeat()
    model.fit(memory, steps_per_epoch=2, verbose=0)  # compiles

    with_data, without, waited = [], [], []
    for number in range(rounds):
        progress = _ProgressObserver()
        without.append(_step_seconds(model, memory))
        dataset = _clips(listing, spec, progress)
        with_data.append(_step_seconds(model, dataset.repeat(), progress.line))
        waited.append(progress.share)
        print(f"  round {number + 1}/{rounds}", flush=True)

    return [
        {
            "data_ms_per_step": round(1e3 * statistics.median(with_data), 1),
            "memory_ms_per_step": round(1e3 * statistics.median(without), 1),
            "ratio": round(paired_ratio(with_data, without), 3),
            "waiting_share": round(statistics.median(waited), 4),
            "rounds": rounds,
        }
    ]


def conclusions(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns whether steps with data are as fast as they have to be."""
    (row,) = rows
    verdict = "reached" if float(str(row["ratio"])) <= MOST_RATIO else "MISSED"
    return [
        f"steps with data take {row['ratio']} of those without, at most {MOST_RATIO}: {verdict}",
        f"the progress line says {float(str(row['waiting_share'])):.1%} waiting for data",
    ]


class _ProgressObserver(Observer):
    """The progress line of a training, whose share of waiting can be read."""

    def __init__(self):
        self.line = Progress(1, _STEPS, _BATCH, _BATCH)

    def clip_ready(self, place: int) -> None:
        self.line.clip_ready(place)

    @property
    def share(self) -> float:
        """Time spent waiting for clips, of the time of all steps but the first."""
        return self.line.waited / max(1e-9, sum(self.line.recent))


class _StepTimer(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        pairs = zip(self.times, self.times[1:], strict=False)
        return statistics.median(b - a for a, b in pairs)


def _clips(listing, spec, observer):
    augmentation = Augmentation()
    return clip_dataset(
        listing, spec, "train", _BATCH, augmentation=augmentation, observer=observer
    )


def _step_seconds(model, dataset, *callbacks):
    timer = _StepTimer()
    with contextlib.redirect_stdout(io.StringIO()):  # the progress line
        model.fit(
            dataset,
            steps_per_epoch=_STEPS,
            verbose=0,
            callbacks=[timer, *callbacks],
        )
    return timer.seconds
