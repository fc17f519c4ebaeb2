"""Loads the views of a video; each frame is decoded once. Needs numpy only."""

import numpy as np

from tsm_tf.data.boxes import Boxes, Window
from tsm_tf.data.crops import center_corner, five_crop_corners, mirror, three_crop_corners
from tsm_tf.data.sampling_rate import clip_indices
from tsm_tf.data.segments import read_frames, stack_segments
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import Video
from tsm_tf.data.views import Views
from tsm_tf.spec import ModelSpec


def load_views(video: Video, spec: ModelSpec, source: Source, views: Views) -> np.ndarray:
    """Returns all views of a video. Each frame is read once, whatever clips and crops it is in.

    Args:
        video: the video.
        spec: gives the number and the size of the frames.
        source: what frames are read from.
        views: which clips and crops.

    Returns:
        `uint8 [clips * crops, num_segments, S, S, C]`, where S is the input size of
        `views.sized(spec)`: all crops of the first clip, then of the second. With ten crops, each
        is followed by its mirror image. C is RGB, or x and y of five consecutive frames of optical
        flow.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded, or its frames are smaller than a crop.
        InputError: the source has RGB frames for a model of optical flow, or the reverse.
    """
    return load_views_and_boxes(video, spec, source, views, None)[0]


def load_views_and_boxes(
    video: Video,
    spec: ModelSpec,
    source: Source,
    views: Views,
    boxes: Boxes | None,
) -> tuple[np.ndarray, ...]:
    """Returns the views as `load_views` does, and the boxes of each, if there are any.

    Returns:
        The views, and `float32 [clips * crops, num_segments / 2, R, 4]` in pixels of the views.
    """
    spec = views.sized(spec)
    moments = np.empty(0)

    def choose(num_frames):
        nonlocal moments
        chosen = views.choose_frames(num_frames, spec)
        moments = (chosen + 0.5) / num_frames
        return chosen

    indices = clip_indices(video, choose, source, spec.sampling_rate)
    distinct, places = np.unique(indices, return_inverse=True)
    is_cropped_once = views.crops == 1 and boxes is None  # boxes are relative to whole frames
    frames = read_frames(video, distinct, spec, source, is_cropped_once=is_cropped_once)

    size = spec.input_size
    height, width = frames.shape[1:3]
    if min(height, width) < size:
        reason = f"frames of {width}x{height} pixels are smaller than the crops of {size}x{size}"
        raise BadVideoError(video.path, reason)

    corners = _corners(views.crops, width, height, size)
    per_corner = views.crops // len(corners)  # 2 with mirror images
    shape = (views.clips, views.crops, spec.num_segments, size, size, spec.channels)
    loaded = np.empty(shape, np.uint8)
    regions = []
    moments = moments.reshape(views.clips, spec.num_segments, -1)[..., 0]
    for number, (x, y) in enumerate(corners):
        crops = frames[:, y : y + size, x : x + size]
        for clip, chosen in enumerate(places.reshape(views.clips, -1)):
            view = stack_segments(crops[chosen], spec.num_segments)
            loaded[clip, per_corner * number] = view
            if per_corner == 2:
                loaded[clip, per_corner * number + 1] = mirror(view, spec.modality)
        if boxes is not None:
            for is_mirrored in (False, True)[:per_corner]:
                window = Window((width, height), (size, size, x, y), size, is_mirrored)
                regions.append([boxes.of_clip(video, clip, window) for clip in moments])

    loaded = loaded.reshape(-1, *shape[2:])
    if boxes is None:
        return (loaded,)
    by_clip = np.stack(regions, axis=1)
    return loaded, by_clip.reshape(-1, *by_clip.shape[2:])


def _corners(crops, width, height, size):
    """Returns x and y of the crops of a frame; ten crops have the corners of five."""
    if crops == 1:
        return [center_corner(width, height, size)]
    if crops == 3:
        return three_crop_corners(width, height, size)
    return five_crop_corners(width, height, size)
