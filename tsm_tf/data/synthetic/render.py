"""Writes rendered gestures as H.264 files with list files, a data folder to train on."""

import dataclasses
import pathlib
import zlib
from collections.abc import Mapping

import av
import cv2
import numpy as np

from tsm_tf.data.synthetic.gestures import LABELS, gesture_frames, num_gesture_frames
from tsm_tf.data.synthetic.rendering import render_missing
from tsm_tf.files import replacing, write_text
from tsm_tf.output_folder import claim

SPLITS = ("train", "val")
CONTACT_SHEET = "contact_sheet.png"
_MARKER = "synthetic.json"
_VERSION = 2
_SHEET_FRAMES = 8
_CAPTION_WIDTH = 230  # pixels


@dataclasses.dataclass(frozen=True)
class _Job:
    """One video to render: clip `index` of a split."""

    output: pathlib.Path
    split: str
    index: int
    seed: int

    @property
    def name(self):
        return f"videos/{self.split}/{self.index:05d}.mp4"

    @property
    def label(self):
        return self.index % len(LABELS)

    @property
    def clip_seed(self):
        return self.seed, zlib.crc32(self.split.encode()), self.index

    def line(self):
        """Returns the line of the list file."""
        return f"{self.name} {num_gesture_frames(self.clip_seed)} {self.label}\n"

    def is_done(self):
        return (self.output / self.name).is_file()

    def render(self):
        write_video(self.output / self.name, *gesture_frames(self.label, self.clip_seed))


def render(
    output: pathlib.Path,
    counts: Mapping[str, int],
    seed: int = 0,
    workers: int = 0,
) -> None:
    """Renders train and val videos, `train.txt`, `val.txt`, `labels.txt` and a contact sheet.

    Clip i of a split shows class `i % 9`. The same settings give the same bytes, whatever the
    number of workers. An interrupted rendering continues with the missing videos.

    Args:
        output: the folder; new, empty, or from a rendering with the same settings.
        counts: number of clips per split.
        seed: the source of all random choices.
        workers: number of processes; 0 starts one per processor.

    Raises:
        InputError: the folder holds something else.
    """
    claim(output, _MARKER, {"version": _VERSION, "seed": seed, "counts": dict(counts)})
    jobs = {split: [_Job(output, split, i, seed) for i in range(counts[split])] for split in SPLITS}

    for split in SPLITS:
        (output / "videos" / split).mkdir(parents=True, exist_ok=True)
    render_missing(output, [job for split in SPLITS for job in jobs[split]], workers)

    write_text(output / "labels.txt", "\n".join(LABELS) + "\n")
    for split in SPLITS:
        write_text(output / f"{split}.txt", "".join(job.line() for job in jobs[split]))
    _write_contact_sheet(output / CONTACT_SHEET, seed)


def write_video(path: pathlib.Path, frames: np.ndarray, fps: int) -> None:
    """Writes an H.264 video, atomically.

    Args:
        path: the file.
        frames: RGB `uint8 [T, H, W, 3]`, of even height and width.
        fps: frames per second.
    """
    # With several threads, or a preset that looks ahead, x264's bytes differ from run to run.
    options = {"preset": "superfast", "crf": "20", "threads": "1"}

    # Without the prefix, a colon in the name means a protocol.
    with replacing(path) as temporary, av.open(f"file:{temporary}", "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"

        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _write_contact_sheet(path, seed):
    """Draws one row per class: its name, and eight frames of its first training clip."""
    rows = []
    for label, name in enumerate(LABELS):
        frames, _ = gesture_frames(label, (seed, zlib.crc32(b"train"), label))
        times = np.linspace(0, len(frames) - 1, _SHEET_FRAMES).round().astype(int)
        rows.append(np.concatenate([_caption(name, frames.shape[1]), *frames[times]], axis=1))

    _, content = cv2.imencode(path.suffix, np.concatenate(rows)[..., ::-1])
    with replacing(path) as temporary:
        temporary.write_bytes(content.tobytes())


def _caption(text, height):
    image = np.full((height, _CAPTION_WIDTH, 3), 255, np.uint8)
    return cv2.putText(
        image,
        text,
        org=(6, height // 2 + 4),
        fontFace=cv2.FONT_HERSHEY_SIMPLEX,
        fontScale=0.42,
        color=(0, 0, 0),
        thickness=1,
        lineType=cv2.LINE_AA,
    )
