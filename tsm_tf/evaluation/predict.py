"""Predicts the videos of a split with a clip model."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from tsm_tf.data.boxes import Boxes, boxes_for
from tsm_tf.data.listing import Listing, check_labels, check_multi_label
from tsm_tf.data.loader import multi_hot
from tsm_tf.data.modality import source_of
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.data.view_pipeline import view_batches
from tsm_tf.devices import Devices
from tsm_tf.errors import InputError
from tsm_tf.evaluation.protocols import Protocol, mean_logits, warn_of_mirror_images
from tsm_tf.evaluation.scores import Scores
from tsm_tf.evaluation.unfinished import Unfinished
from tsm_tf.evaluation.view_logits import ClipScorer, sized_model
from tsm_tf.models.clip import ClipModel
from tsm_tf.spec import ModelSpec


def predict(
    model: ClipModel,
    listing: Listing,
    split: str,
    protocol: Protocol,
    batch_size: int,
    checkpoint_digest: str = "",
    sampling_rate: str | None = None,
    *,
    devices: Devices = Devices(),  # noqa: B008 (frozen)
    unfinished: Unfinished | None = None,
) -> Scores:
    """Returns a model's scores for all videos of a split, in the order of the list file.

    Progress is shown. With several processes, each predicts a part of the videos, and all return
    the scores of all videos.

    Args:
        model: a clip model, built in `devices.scope()`.
        listing: the data folder; its classes must be the model's.
        split: name of the list file, without `.txt`.
        protocol: which views of each video are scored.
        batch_size: clips per batch.
        checkpoint_digest: saved with the scores.
        sampling_rate: see `ModelSpec`; None takes the model's.
        devices: from `pick_devices`.
        unfinished: where logits are saved while the evaluation runs, and resumed from.

    Raises:
        InputError: the classes or the protocol do not fit, or another worker was lost.
        BadVideoError: a video cannot be decoded.
    """
    spec = model.spec.replace(sampling_rate=sampling_rate or model.spec.sampling_rate)
    _check_classes(spec, listing)
    videos = listing.labelled_videos(split)
    check_multi_label(spec, videos)
    source = source_of(listing, spec.modality)
    warn_of_mirror_images(protocol, listing.labels)
    with devices.scope():
        scorer = ClipScorer(sized_model(model, protocol.views), batch_size, devices)

    shape = (len(videos), spec.num_classes)
    logits, done = np.zeros(shape, np.float32), np.zeros(len(videos), bool)
    if unfinished is not None:
        digests = {"the checkpoint": checkpoint_digest, "the list of videos": _digest(videos)}
        logits, done = _merged(*unfinished.load(shape, digests), devices)
        if done.any() and devices.is_chief:
            print(f"resuming: {done.sum():,} of {len(videos):,} videos are evaluated", flush=True)

    place = functools.partial(listing.place, split)
    boxes = boxes_for(spec, listing.data, videos)
    job = _Job(scorer, videos, spec, source, protocol, unfinished, place, boxes)
    finished = done.copy()
    job.finish(logits, finished)
    new_logits, _ = _merged(logits, finished & ~done, devices)
    return Scores(
        logits=np.where(done[:, None], logits, new_logits),
        labels=_labels(videos, spec),
        names=tuple(video.name for video in videos),
        classes=listing.labels,
        protocol=protocol.name,
        spec=spec,
        checkpoint_digest=checkpoint_digest,
    )


@dataclasses.dataclass(frozen=True)
class _Job:
    """What `predict` has to do; see there."""

    scorer: ClipScorer
    videos: Sequence[Video]
    spec: ModelSpec
    source: Source
    protocol: Protocol
    unfinished: Unfinished | None
    place: Callable[[Video], str]
    boxes: Boxes | None

    def finish(self, logits: np.ndarray, finished: np.ndarray) -> None:
        """Writes the logits of this process' unfinished videos into an array.

        Args:
            logits: `float32 [N, C]`.
            finished: which videos are finished, `bool [N]`; also updated.
        """
        views, share = self.protocol.views, self.scorer.devices.share
        group = max(1, self.scorer.batch_size // views.count)  # videos per batch
        groups = _unfinished_groups(finished, group, share.index, share.count)
        chosen = [self.videos[index] for indices in groups for index in indices]
        first = int(finished.sum())
        progress = ProgressLine(len(self.videos), "videos", "evaluated", first)

        batches = view_batches(chosen, self.spec, self.source, views, group, self.place, self.boxes)
        try:
            for indices, batch in zip(groups, batches, strict=True):
                rows = self.scorer(*(array.reshape(-1, *array.shape[2:]) for array in batch))
                rows = rows.reshape(len(indices), views.count, -1)
                softmax, multi_label = self.protocol.softmax, self.spec.multi_label
                logits[indices] = mean_logits(rows, softmax, multi_label)
                finished[indices] = True

                own = int(finished.sum()) - first
                if self.scorer.devices.is_chief:
                    progress.show(min(len(self.videos), first + own * share.count))
                if self.unfinished is not None:
                    self.unfinished.save(logits, finished)
        finally:
            if self.unfinished is not None:
                self.unfinished.save(logits, finished, force=True)


def _unfinished_groups(finished, group, index, count):
    """Returns the videos of each batch that is not finished, in turns for several processes.

    Batches do not depend on what is finished, so a resumed evaluation computes the same bits.
    """
    every = [
        np.arange(first, min(first + group, len(finished)))
        for first in range(0, len(finished), group)
    ]
    return [indices for indices in every if not finished[indices].all()][index::count]


def _merged(logits, is_known, devices):
    """Returns the logits that any process knows, and of which videos these are."""
    counts = devices.sum(is_known.astype(np.float32))
    sums = devices.sum(np.where(is_known[:, None], logits, np.float32(0)))
    return sums / np.maximum(counts, 1)[:, None], counts > 0


def _labels(videos, spec):
    """Returns the classes of videos, as `Scores` has them."""
    if not spec.multi_label:
        return np.array([video.label for video in videos], np.int64)
    classes = [video.classes or (video.label,) for video in videos]
    return np.stack([multi_hot(row, spec.num_classes) for row in classes]) > 0


def _digest(videos):
    """Returns the SHA-256 of a list of videos, wherever their folder is."""
    rows = [dataclasses.replace(video, path="") for video in videos]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _check_classes(spec: ModelSpec, listing: Listing) -> None:
    """Raises unless data have the model's number of classes, and its names if it has any."""
    if len(listing.labels) != spec.num_classes:
        rule = f"must have the checkpoint's {spec.num_classes} classes"
        raise InputError("data", rule, listing.labels)
    check_labels(spec, listing)
