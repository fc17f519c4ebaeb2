"""Predicts the videos of a split with a clip model."""

import numpy as np
import tensorflow as tf

from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import multi_hot
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.errors import InputError
from tsm_tf.evaluation.protocols import Protocol
from tsm_tf.evaluation.scores import Scores
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
) -> Scores:
    """Returns a model's scores for all videos of a split, in the order of the list file.

    Args:
        model: a clip model.
        listing: the data folder; its classes must be the model's.
        split: name of the list file, without `.txt`.
        protocol: which views of each video are scored.
        batch_size: clips per batch.
        checkpoint_digest: saved with the scores.
        sampling_rate: see `ModelSpec`; None takes the model's.

    Raises:
        InputError: the classes or the protocol do not fit.
        BadVideoError: a video cannot be decoded.
    """
    if (protocol.clips, protocol.crops) != (1, 1):
        rule = "must have one clip per video and one crop per clip"
        raise InputError("protocol", rule, protocol)
    _check_classes(model.spec, listing)
    videos = listing.labelled_videos(split)

    observer = _FirstBadVideo()
    spec = model.spec.replace(sampling_rate=sampling_rate or model.spec.sampling_rate)
    dataset = clip_dataset(listing, spec, split, batch_size, observer=observer)
    try:
        logits = model.predict(dataset, verbose=1)
    except tf.errors.OpError:  # hides the error that was raised inside the pipeline
        if observer.error is not None:
            raise observer.error from None
        raise

    return Scores(
        logits=logits,
        labels=_labels(videos, model.spec),
        names=tuple(video.name for video in videos),
        classes=listing.labels,
        protocol=protocol.name,
        spec=spec,
        checkpoint_digest=checkpoint_digest,
    )


def _labels(videos, spec):
    """Returns the classes of videos, as `Scores` has them."""
    if not spec.multi_label:
        return np.array([video.label for video in videos], np.int64)
    classes = [video.classes or (video.label,) for video in videos]
    return np.stack([multi_hot(row, spec.num_classes) for row in classes]) > 0


def _check_classes(spec: ModelSpec, listing: Listing) -> None:
    """Checks the number of classes; `clip_dataset` compares the names if the model has names."""
    if len(listing.labels) != spec.num_classes:
        rule = f"must have the checkpoint's {spec.num_classes} classes"
        raise InputError("data", rule, listing.labels)


class _FirstBadVideo(Observer):
    """Remembers the first video that could not be decoded."""

    def __init__(self):
        self.error: BadVideoError | None = None

    def bad_video(self, error: BadVideoError) -> None:
        self.error = self.error or error
