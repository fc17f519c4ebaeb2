"""`Listing`: a data folder or URI, opened once per command."""

import functools
import os
from collections.abc import Sequence

from tsm_tf.data.layouts import Layout, find_layout
from tsm_tf.data.layouts.list_files import ListFiles
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.video_file import VIDEO_FILES, VideoFiles
from tsm_tf.data.video import Video, check_labelled
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


class Listing:
    """A data folder or URI, opened once per command.

    The lists are read on first use and kept, and the existence of the videos is checked once per
    split.

    Args:
        data: the folder or URI, of any layout in `tsm_tf.data.layouts`.
        val_share: for a folder per class without `train` and `val`: the share of the videos of
            each class for validation, in (0, 1).
        allow_outside: whether videos may be outside of the folder. Otherwise, absolute paths,
            paths with `..` and links that leave it are errors.
        keep_damaged: whether damaged pictures of video files are used as far as they can be
            decoded. Otherwise, such a video is an error.

    Attributes:
        data: the folder, as given.
        labels: the class names.

    Raises:
        MissingFile: nothing there is known.
        InputError: no class names, one name twice, an endless or unprintable name, or a
            `val_share` that does not fit.

    Example:
        >>> listing = Listing("data/gestures")
        >>> listing.labels[listing.videos("train")[0].label]
        'Swiping Left'
    """

    def __init__(
        self,
        data: str | os.PathLike,
        *,
        val_share: float | None = None,
        allow_outside: bool = False,
        keep_damaged: bool = False,
    ):
        self.data = os.fspath(data)
        self.keep_damaged = keep_damaged
        self.val_share, self.allow_outside = val_share, allow_outside
        self.layout: Layout = find_layout(self.data, val_share, allow_outside)
        self.labels = self.layout.labels
        self._videos: dict[str, tuple[Video, ...]] = {}

    @functools.cached_property
    def source(self) -> Source:
        """What the frames of the videos are read from.

        Raises:
            InputError: `keep_damaged` for videos that are not files.
        """
        source = self.layout.source
        if not self.keep_damaged:
            return source
        if source is not VIDEO_FILES:
            rule = "must be given only for video files; images and shards are whole or an error"
            raise InputError("keep_damaged", rule, self.keep_damaged)
        return VideoFiles(keeps_damaged=True)

    @property
    def damage(self) -> str:
        """How many damaged pictures were used so far, as text; empty if there were none."""
        if not self.keep_damaged or not isinstance(self.source, VideoFiles):
            return ""
        damaged = dict(self.source.damaged)  # other threads may be reading
        pictures = sum(damaged.values())
        return f"{pictures:,} damaged pictures in {len(damaged):,} videos were used" * bool(damaged)

    def place(self, split: str, video: Video) -> str:
        """Returns where a video is listed: the list and the line, or the folder."""
        layout = self.layout
        return layout.place(split, video) if isinstance(layout, ListFiles) else self.data

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of train, val and test that the data have."""
        return self.layout.splits

    @functools.cached_property
    def background(self) -> tuple[str, ...] | None:
        """The classes in which nothing happens; None if the data do not name them.

        Raises:
            InputError: a name is not a class.
        """
        return self.layout.background

    @property
    def is_multi_label(self) -> bool:
        """Whether videos may have several classes, by the splits that were read, or else the first.

        Then `Video.classes` holds them.
        """
        if not self._videos:
            self.videos(next(iter(self.layout.splits), "train"))
        return any(video.classes for videos in self._videos.values() for video in videos)

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split, in the order of its list.

        Raises:
            MissingFile: there is no such list, or a listed video does not exist.
            InputError: a bad line, a label out of range, or an empty list.
        """
        if split not in self._videos:
            self._videos[split] = self.layout.videos(split)
        return self._videos[split]

    def labelled_videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split, each with a class; raises as `videos` does.

        Raises:
            InputError: a video has no class, as in the test lists of many data sets.
        """
        videos = self.videos(split)
        check_labelled(videos, split)
        return videos

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the lists and the class names; videos are not read."""
        return self.layout.digest


def open_listing(data: Listing | str | os.PathLike) -> Listing:
    """Returns a listing as it is, and opens a folder or URI; raises as `Listing` does."""
    return data if isinstance(data, Listing) else Listing(data)


def check_labels(spec: ModelSpec, listing: Listing) -> None:
    """Raises if a model has class names and the data has others.

    Raises:
        InputError: names both.
    """
    if spec.labels and spec.labels != listing.labels:
        raise InputError("data", f"must have the model's classes {spec.labels}", listing.labels)


def check_multi_label(spec: ModelSpec, videos: Sequence[Video]) -> None:
    """Raises if a video has several classes and the model expects one.

    Raises:
        InputError: names the first such video.
    """
    several = next((video for video in videos if len(video.classes) > 1), None)
    if several and not spec.multi_label:
        rule = "must have one class per video for a model that was trained on such videos"
        raise InputError("data", rule, f"{several.name} with the classes {several.classes}")
