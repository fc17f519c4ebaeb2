"""Writes rendered videos with boxes, in the layout of ImageNet VID."""

import dataclasses
import pathlib
import zlib
from collections.abc import Iterator, Mapping

import cv2
import numpy as np

from tsm_tf.data.synthetic.rendering import render_missing
from tsm_tf.detection.data.synthetic.pictures import (
    CONTACT_SHEET,
    GIF,
    write_contact_sheet,
    write_gif,
)
from tsm_tf.detection.data.synthetic.scene import LABELS, SIZE, DrawnObject, Scene
from tsm_tf.detection.data.vid_xml import XmlObject, write_xml
from tsm_tf.files import replacing, write_text
from tsm_tf.output_folder import claim

NUM_FRAMES = {"train": 24, "val": 32}
_MARKER = "shapes.json"
_VERSION = 1
_JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
_SHEET_VIDEOS = 8
_GIF_VIDEOS = 4


@dataclasses.dataclass(frozen=True)
class _Job:
    """One video to render: number `index` of a split."""

    output: pathlib.Path
    split: str
    index: int
    seed: int

    @property
    def name(self):
        return f"{self.split}/shapes_{self.split}_{self.index:05d}"

    @property
    def num_frames(self):
        return NUM_FRAMES[self.split]

    def scene(self):
        return Scene((self.seed, zlib.crc32(self.split.encode()), self.index), self.num_frames)

    def is_done(self):
        """Returns whether the file that is written last is there."""
        return self._annotation(self.num_frames - 1).is_file()

    def render(self):
        pictures = self.output / "Data" / "VID" / self.name
        for folder in (pictures, self._annotation(0).parent):
            folder.mkdir(parents=True, exist_ok=True)

        frames, objects = self.scene().frames()
        for t, frame in enumerate(frames):
            _write_jpeg(pictures / f"{t:06d}.JPEG", frame)
        for t, drawn in enumerate(objects):
            write_xml(self._annotation(t), self.name, f"{t:06d}", SIZE, SIZE, map(_entry, drawn))

    def _annotation(self, t):
        return self.output / "Annotations" / "VID" / self.name / f"{t:06d}.xml"


def render(
    output: pathlib.Path,
    counts: Mapping[str, int],
    seed: int = 0,
    workers: int = 0,
) -> None:
    """Renders train and val videos with annotations, lists, a contact sheet and a GIF.

    The same settings give the same bytes, whatever the number of workers. An interrupted
    rendering continues with the missing videos.

    Args:
        output: the folder; new, empty, or from a rendering with the same settings.
        counts: number of videos per split.
        seed: the source of all random choices.
        workers: number of processes; 0 starts one per processor.

    Raises:
        InputError: the folder holds something else.
    """
    claim(output, _MARKER, {"version": _VERSION, "seed": seed, "counts": dict(counts)})
    jobs = {split: [_Job(output, split, i, seed) for i in range(counts[split])] for split in counts}

    render_missing(output, [job for split in counts for job in jobs[split]], workers)

    write_text(output / "labels.txt", "\n".join(LABELS) + "\n")
    _write_lists(output / "ImageSets", jobs)
    write_contact_sheet(
        output / CONTACT_SHEET, [job.scene() for job in jobs["train"][:_SHEET_VIDEOS]]
    )
    write_gif(output / GIF, [job.scene() for job in jobs["val"][:_GIF_VIDEOS]])


def _write_lists(folder, jobs):
    folder.mkdir(exist_ok=True)
    for split, videos in jobs.items():
        write_text(folder / f"VID_{split}_videos.txt", "".join(_video_lines(videos)))
    write_text(folder / "VID_val_frames.txt", "".join(_frame_lines(jobs["val"])))


def _video_lines(jobs) -> Iterator[str]:
    first_id = 1
    for job in jobs:
        yield f"{job.name} {first_id} 0 {job.num_frames}\n"
        first_id += job.num_frames


def _frame_lines(jobs) -> Iterator[str]:
    frame_id = 1
    for job in jobs:
        for t in range(job.num_frames):
            yield f"{job.name}/{t:06d} {frame_id}\n"
            frame_id += 1


def _write_jpeg(path: pathlib.Path, frame: np.ndarray) -> None:
    _, content = cv2.imencode(".jpg", frame[..., ::-1], _JPEG)
    with replacing(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _entry(drawn: DrawnObject) -> XmlObject:
    return XmlObject(
        name=LABELS[drawn.label],
        track=drawn.track,
        box=drawn.box,
        is_occluded=drawn.is_occluded,
        is_degraded=drawn.is_degraded,
    )
