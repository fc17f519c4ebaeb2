"""RGB or optical flow: what a model takes, and what data show."""

import contextlib
from collections.abc import Sequence

from tsm_tf.data.listing import Listing
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders, shows_flow
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError, MissingFile

_SAMPLE = 20  # videos that are looked at until one can be read


def source_of(listing: Listing, modality: str) -> Source:
    """Returns what frames of a modality are read from.

    In a folder of images, the names, or the pixels of the first image, tell what it shows. The
    first video that can be read is looked at. Where it has both RGB frames and x and y of optical
    flow, the model decides.

    Args:
        listing: the data.
        modality: what the model takes, as in `ModelSpec`.

    Raises:
        InputError: the data show the other modality.
    """
    source = listing.source
    if not isinstance(source, FrameFolders):
        check_modality(modality, source.modality)
        return source

    split = next(iter(listing.layout.splits), "train")
    is_flow = _shows_flow(listing.videos(split), source.roots)
    if is_flow is not None:
        check_modality(modality, "flow" if is_flow else "rgb")
    return FlowFolders(source.frames_per_second, source.roots) if modality == "flow" else source


def _shows_flow(videos: Sequence[Video], roots: Sequence[str]) -> bool | None:
    for video in videos[:_SAMPLE]:
        with contextlib.suppress(BadVideoError, MissingFile):
            return shows_flow(video.path, roots)
    return None


def check_modality(wanted: str, found: str) -> None:
    """Raises if a model takes optical flow and the data show RGB frames, or the reverse.

    Raises:
        InputError: names both.
    """
    if wanted != found:
        raise InputError("modality", f"must be {found}, as the data are", wanted)
