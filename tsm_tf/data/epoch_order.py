"""In which order an epoch takes its videos, and which of them each of several processes takes."""

import dataclasses

import numpy as np

from tsm_tf.errors import InputError

PADDING = -1


@dataclasses.dataclass(frozen=True)
class Share:
    """Which part of every batch a process takes: the `index`-th of `count` equal ones, split over its `replicas`."""

    index: int = 0
    count: int = 1
    replicas: int = 1

    @property
    def parts(self) -> int:
        """Replicas of all processes together."""
        return self.count * self.replicas

    def check(self, batch_size: int) -> None:
        """Refuses a batch that cannot be split evenly.

        Raises:
            InputError: naming the batch size.
        """
        if batch_size % self.parts:
            raise InputError(
                "batch_size", f"must be a multiple of the {self.parts} devices", batch_size
            )


def epoch_order(
    num_videos: int,
    batch_size: int,
    *,
    rng: np.random.Generator | None = None,
    first_batch: int = 0,
    drop_last: bool = False,
    share: Share = Share(),
) -> np.ndarray:
    """Returns the numbers of the videos that one process takes in one epoch, `int64 [n]`.

    All processes together take what one alone would take, batch by batch, so the number of processes changes nothing in
    a training. Where the last batch cannot be split it is dropped (`drop_last`) or filled with `PADDING`.

    Args:
        num_videos: of the list.
        batch_size: clips of all processes together.
        rng: shuffles; None keeps the order of the list.
        first_batch: the batches before it are left out, for a training that goes on within an epoch.
        drop_last: leaves out the last batch if it is smaller.
        share: which part of each batch.
    """
    order = np.arange(num_videos)
    if rng is not None:
        rng.shuffle(order)
    if drop_last:
        order = order[: num_videos - num_videos % batch_size]
    elif share.parts > 1:
        order = np.concatenate([order, np.full(-num_videos % batch_size, PADDING)])
    order = order[first_batch * batch_size :]
    return (
        order
        if share.count == 1
        else order.reshape(-1, share.count, batch_size // share.count)[:, share.index].ravel()
    )
