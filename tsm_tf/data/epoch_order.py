"""The order of the videos in an epoch, and how several processes share them."""

import dataclasses

import numpy as np

from tsm_tf.errors import InputError

PADDING = -1
"""Index that stands for no video; it fills a last batch that several devices share."""


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of every batch that one process loads.

    Args:
        index: number of the process, from 0.
        count: number of processes. Each loads an equal part of the batch.
        replicas: devices of one process, among which it splits its part again.
    """

    index: int = 0
    count: int = 1
    replicas: int = 1

    @property
    def parts(self) -> int:
        """Number of replicas of all processes together."""
        return self.count * self.replicas

    def check(self, batch_size: int) -> None:
        """Raises if a batch cannot be split evenly.

        Raises:
            InputError: names the batch size.
        """
        if batch_size % self.parts:
            rule = f"must be a multiple of the {self.parts} devices"
            raise InputError("batch_size", rule, batch_size)


@dataclasses.dataclass(frozen=True)
class Order:
    """The order of the clips, over all epochs.

    Args:
        seed: the source of all random choices. With the epoch and the video it determines a
            training clip, no matter how many threads or processes load clips.
        first_epoch: number of the first pass over the dataset, for a resumed training.
        first_batch: the first pass starts with this batch of its epoch, for a resumed training.
        drop_last: leaves out the last batch if it is smaller.
        share: the part of each batch that this process loads.
    """

    seed: int = 0
    first_epoch: int = 0
    first_batch: int = 0
    drop_last: bool = False
    share: Share = Share()


class Schedule:
    """Decides which clips each pass over a dataset loads. Each pass is one epoch.

    Args:
        num_videos: length of the list.
        batch_size: clips per batch, for all processes together.
        order: the order.
        shuffle: whether each epoch has its own random order, or the order of the list.

    Attributes:
        epoch: the epoch of the next pass; every call of `next_pass` adds 1, also if the pass is
            not finished.
        place: number of clips in all passes so far.
    """

    def __init__(self, num_videos: int, batch_size: int, order: Order, shuffle: bool):
        self.num_videos = num_videos
        self.batch_size = batch_size
        self.order = order
        self.shuffle = shuffle
        self.epoch = order.first_epoch
        self.place = 0

    def indices(self, epoch: int) -> np.ndarray:
        """Returns the indices of the videos that this process loads in an epoch, `int64 [n]`."""
        order = self.order
        return epoch_order(
            self.num_videos,
            self.batch_size,
            rng=np.random.default_rng((order.seed, epoch)) if self.shuffle else None,
            first_batch=order.first_batch if epoch == order.first_epoch else 0,
            drop_last=order.drop_last,
            share=order.share,
        )

    def next_pass(self) -> np.ndarray:
        """Starts the next epoch.

        Returns:
            `int64 [n, 3]`: for each clip the epoch, the index of the video, and the clip's
            position, counted over all passes.
        """
        indices = self.indices(self.epoch)
        jobs = np.empty((len(indices), 3), np.int64)
        jobs[:, 0] = self.epoch
        jobs[:, 1] = indices
        jobs[:, 2] = self.place + np.arange(len(indices))

        self.epoch += 1
        self.place += len(indices)
        return jobs


def epoch_order(
    num_videos: int,
    batch_size: int,
    *,
    rng: np.random.Generator | None = None,
    first_batch: int = 0,
    drop_last: bool = False,
    share: Share = Share(),
) -> np.ndarray:
    """Returns the indices of the videos that one process loads in one epoch, `int64 [n]`.

    All processes together load, batch by batch, what a single process would load. So their number
    does not change a training. A last batch that cannot be split is dropped (`drop_last`) or
    filled with `PADDING`.

    Args:
        num_videos: length of the list.
        batch_size: clips per batch, for all processes together.
        rng: shuffles the videos; None keeps the order of the list.
        first_batch: the batches before it are left out.
        drop_last: leaves out the last batch if it is smaller.
        share: the part of each batch that the process loads.
    """
    order = np.arange(num_videos)
    if rng is not None:
        rng.shuffle(order)

    if drop_last:
        order = order[: num_videos - num_videos % batch_size]
    elif share.parts > 1:
        order = np.concatenate([order, np.full(-num_videos % batch_size, PADDING)])

    order = order[first_batch * batch_size :]
    if share.count == 1:
        return order
    return order.reshape(-1, share.count, batch_size // share.count)[:, share.index].ravel()
