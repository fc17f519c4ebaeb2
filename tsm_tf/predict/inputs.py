"""The videos that `--video` names: a file, a folder of videos or of images, or a list."""

import dataclasses
import os

from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.layouts import list_json
from tsm_tf.data.layouts.class_folders import is_video_name
from tsm_tf.data.layouts.folder_tree import FILE, FOLDER, FolderTree
from tsm_tf.data.layouts.list_reader import ListReader
from tsm_tf.data.layouts.rates import read_rate
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders, shows_flow
from tsm_tf.data.sources.frame_folder import DEFAULT_FPS, FrameFolders
from tsm_tf.data.sources.frame_names import is_image_name
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.text_file import read_text
from tsm_tf.data.video import NO_CLASS_KNOWN, UNKNOWN_FRAMES, Video, is_uri
from tsm_tf.errors import InputError, MissingFile, naming
from tsm_tf.predict.results import MARKER

LIST_SUFFIXES = (".txt", ".csv", ".json")
"""Of files that are read as lists of videos; in small or capital letters."""


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Videos of one kind.

    Args:
        videos: at least one, no two of them equal. The names are distinct.
        kind: `FILE`, or `FOLDER` for folders of images.
        fps: frames per second of folders of images.
    """

    videos: tuple[Video, ...]
    kind: str
    fps: float = DEFAULT_FPS

    def source(self, modality: str) -> Source:
        """Returns what frames of a modality are read from; flow is computed if it is not stored.

        Raises:
            InputError: the images show optical flow for a model that takes RGB frames, or this
                OpenCV cannot compute flow.
            BadVideoError: no folder of images can be read.
        """
        if self.kind == FILE:
            return ComputedFlow(VIDEO_FILES) if modality == "flow" else VIDEO_FILES

        path, is_flow = self._first_readable()
        if modality == "flow":
            is_rgb = is_flow is False
            return ComputedFlow(FrameFolders(self.fps)) if is_rgb else FlowFolders(self.fps)
        if is_flow:
            rule = "must show RGB frames, as the model takes them, and not optical flow"
            raise InputError("video", rule, path)
        return FrameFolders(self.fps)

    def _first_readable(self) -> tuple[str, bool | None]:
        """Returns the first folder of images that can be read, and whether it shows flow."""
        first_error = None
        for video in self.videos:
            try:
                return video.path, shows_flow(video.path)
            except BadVideoError as error:
                first_error = first_error or error
        assert first_error is not None
        raise first_error


def find_videos(path: str) -> Inputs:
    """Returns the videos that a path stands for.

    Args:
        path: a video file; a folder, searched with all folders inside it except for hidden ones and
            those with predictions; or a list of videos, in any form that
            `tsm_tf.data.layouts.list_reader` reads. The paths in a list are relative to its
            folder, or to the current one.

    Raises:
        MissingFile: nothing is there, or a video in the list does not exist.
        InputError: a folder without videos, a name that is not UTF-8, or a list that cannot be
            read.
    """
    if not os.path.exists(path):
        rule = "must be an existing video, a folder of videos or of images, or a list of videos"
        raise MissingFile("video", rule, path)
    if os.path.isdir(path):
        return _in_folder(path)
    if path.lower().endswith(LIST_SUFFIXES):
        return _in_list(path)
    return Inputs((_video(path),), FILE)


def _video(path):
    try:
        path.encode()
    except UnicodeEncodeError:
        rule = "must be named in UTF-8; rename the file or folder"
        raise InputError("video", rule, path) from None
    return Video(os.path.abspath(path), path, UNKNOWN_FRAMES, NO_CLASS_KNOWN)


def _in_folder(folder: str) -> Inputs:
    """Returns the video files in a folder; if it has none, the folders of images."""
    files: list[str] = []
    image_folders: list[str] = []

    for current, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not os.path.isfile(os.path.join(current, name, MARKER))
        )
        files += [os.path.join(current, name) for name in sorted(names) if is_video_name(name)]
        if any(map(is_image_name, names)):
            image_folders.append(current)

    if not files and not image_folders:
        raise InputError("video", "must be a folder with videos, or with images of one", folder)
    with naming("video"):
        fps = read_rate(FolderTree(folder, allow_outside=True))
    kind = FILE if files else FOLDER
    return Inputs(tuple(_video(path) for path in files or image_folders), kind, fps)


def _raise(error: OSError) -> None:
    raise error


def _in_list(path: str) -> Inputs:
    tree = FolderTree(os.path.dirname(path), allow_outside=True)
    lines = read_text(path, "video", "must be a list of videos").split("\n")
    with naming("video"):
        fps = read_rate(tree)
        reader = ListReader(path, tree, None, ("", os.getcwd()), fps)
        is_json = path.lower().endswith(".json")
        content = list_json.read(path, reader) if is_json else reader.read(lines)

    distinct: dict[tuple, Video] = {}
    for video in content.videos:
        if is_uri(video.path):
            rule = f"must be on this machine, also in a list; see {path}"
            raise InputError("video", rule, video.name)
        distinct.setdefault((video.path, video.start, video.end), _named_as_segment(video))
    return Inputs(tuple(distinct.values()), content.kind, fps)


def _named_as_segment(video: Video) -> Video:
    """Returns a video whose name has the times of its segment, as a list has them."""
    if video.end is None:
        return video
    return dataclasses.replace(video, name=f"{video.name} {video.start:g} {video.end:g}")
