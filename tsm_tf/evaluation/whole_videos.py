"""Logits of a model for whole videos: of every frame, or of clips, without TensorFlow."""

from collections.abc import Sequence

import numpy as np

from tsm_tf.data.listing import Listing, check_labels, check_multi_label
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sources import Source
from tsm_tf.data.timeline import check_rates, timelines
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError
from tsm_tf.evaluation.stream.joined import DEFAULT_FPS, Joiner
from tsm_tf.evaluation.stream.logits import stream_logits
from tsm_tf.models.clip import ClipModel
from tsm_tf.models.frame_step import keras_step
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import check_one_class

_SIDE_BY_SIDE = 16


def is_streamable(spec: ModelSpec) -> bool:
    """Returns whether a model can run one frame at a time."""
    try:
        spec.check_streamable()
    except InputError:
        return False
    return True


def check_whole_videos(spec: ModelSpec, listing: Listing, split: str) -> tuple[Video, ...]:
    """Returns the videos of a split, after checking that a model can be compared on them.

    Raises:
        MissingFile: there is no such list, or a listed video does not exist.
        InputError: other classes, segments of untrimmed videos, or, for a streamable model, a video
            with a lower rate than the model's.
        BadVideoError: a video cannot be decoded.
    """
    check_one_class(spec.multi_label)
    check_labels(spec, listing)
    if len(listing.labels) != spec.num_classes:
        rule = f"must have the checkpoint's {spec.num_classes} classes"
        raise InputError("data", rule, listing.labels)

    videos = listing.labelled_videos(split)
    check_multi_label(spec, videos)
    segment = next((video for video in videos if video.end is not None), None)
    if segment:
        received = f"{segment.name} {segment.start:g} {segment.end:g} {segment.label}"
        raise InputError("data", "must list whole videos, not segments", received)
    if is_streamable(spec):
        check_rates(timelines(videos), spec.fps or DEFAULT_FPS, listing.source)
    return videos


def video_logits(
    model: ClipModel,
    videos: Sequence[Video],
    source: Source,
) -> list[np.ndarray]:
    """Returns the logits of every frame of each video, `[n, num_classes]`.

    Each video is a stream of its own, at the model's rate, from the initial state.

    Args:
        model: an online model or a TSN.
        videos: whole videos.
        source: what frames are read from.
    """
    fps = model.spec.fps or DEFAULT_FPS
    joiner = Joiner(timelines(videos), model.spec, fps, source)
    streams = [joiner.single(index) for index in range(len(videos))]
    return stream_logits(joiner, streams, lambda n: keras_step(model, n), _SIDE_BY_SIDE)


def clip_logits(
    model: ClipModel,
    videos: Sequence[Video],
    source: Source,
) -> np.ndarray:
    """Returns the logits of the centre clip of each video, `[len(videos), num_classes]`."""
    rows = []
    for first in range(0, len(videos), _SIDE_BY_SIDE):
        shown = videos[first : first + _SIDE_BY_SIDE]
        clips = np.stack([center_clip(video, model.spec, source) for video in shown])
        rows.append(model.predict_on_batch(clips))
    return np.concatenate(rows)
