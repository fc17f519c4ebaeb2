"""Sample clips for detectors: for calibration, and for comparing files with Keras."""

import numpy as np

from export.sample_clips import SampleClips
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.detection.data.picture import read_picture
from tsm_tf.detection.data.synthetic.scene import Scene
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError


def from_annotated(
    spec: DetectorSpec,
    listing: DetectionListing,
    split: str,
    num_videos: int,
) -> SampleClips:
    """Returns the first `num_segments` frames of videos that are spread evenly over a split.

    A shorter video, or a still image, repeats its last frame.

    Raises:
        MissingFile: no such list or picture.
        InputError: there are no videos, or an annotation is bad.
        BadVideoError: a broken picture.
    """
    videos = listing.videos(split)
    if not videos:
        raise InputError("data", f"must have videos in {split}", listing.data)
    count = min(num_videos, len(videos))
    chosen = np.linspace(0, len(videos) - 1, count).round().astype(int)

    size, clips = (spec.input_height, spec.input_width), []
    for index in chosen:
        frames = videos[index].frames
        numbers = np.minimum(np.arange(spec.num_segments), len(frames) - 1)
        fitted = {int(n): fit_frame(read_picture(frames[int(n)]), size)[0] for n in set(numbers)}
        clips.append(np.stack([fitted[int(n)] for n in numbers]))
    source = f"{count} videos from {split} in {listing.data}"
    return SampleClips(np.stack(clips), None, source)


def from_shapes(spec: DetectorSpec, num_clips: int) -> SampleClips:
    """Returns rendered shapes, for calibration without videos."""
    size, clips = (spec.input_height, spec.input_width), []
    for number in range(num_clips):
        frames, _ = Scene((number,), spec.num_segments).frames()
        clips.append(np.stack([fit_frame(frame, size)[0] for frame in frames]))
    return SampleClips(np.stack(clips), None, f"{num_clips} videos of rendered shapes")
