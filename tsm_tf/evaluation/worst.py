"""A contact sheet of the most confident mistakes: frames, true class and predicted class.

`python -m tsm_tf.evaluation --worst=24` writes it. Such videos are often labelled wrongly, cut at
the wrong place, or show classes that the model cannot tell apart.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.modality import source_of
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError
from tsm_tf.evaluation.captions import INK, LINE_HEIGHT, WHITE, caption, fit
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.evaluation.plot_text import drawable_names
from tsm_tf.evaluation.scores import Scores
from tsm_tf.files import replacing
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.spec import ModelSpec

WORST_FILE = "worst.png"
_FRAMES = 4  # per video: the shift is about motion
_PANEL, _GAP = 128, 10  # pixels
_STEP = _PANEL + 2  # from one frame to the next
_COLUMNS = 3
_GREY, _GREEN, _RED = (105, 115, 125), (20, 110, 50), (180, 35, 35)
_MIN_SPEED = 16.0  # levels of flow per frame that are shown at full brightness at least


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A video that a model classified wrongly.

    Args:
        index: index of the video.
        confidence: probability of the wrong class, in 0..1. For a class that a multi-label model
            missed, 1 minus its probability.
        true: the true class, or classes.
        predicted: what the model says, with the probability.
    """

    index: int
    confidence: float
    true: str
    predicted: str


def find_mistakes(scores: Scores) -> list[Mistake]:
    """Returns one mistake per video that was classified wrongly, the most confident first.

    Of a multi-label model's wrong classes, the one that it was surest about counts.
    """
    names = drawable_names(scores.classes)
    find = _multi_label_mistake if scores.spec.multi_label else _mistake
    probabilities = (sigmoid if scores.spec.multi_label else softmax)(scores.logits)

    rows = zip(scores.labels, scores.predicted, probabilities, strict=True)
    found = [
        find(index, names, label, predicted, probability)
        for index, (label, predicted, probability) in enumerate(rows)
        if np.any(label != predicted)
    ]
    return sorted(found, key=lambda mistake: -mistake.confidence)


def _mistake(index, names, label, predicted, probabilities):
    share = float(probabilities[predicted])
    return Mistake(
        index, share, f"true: {names[label]}", f"predicted {share:.1%}: {names[predicted]}"
    )


def _multi_label_mistake(index, names, labels, predicted, probabilities):
    confidence = np.where(labels, 1 - probabilities, probabilities)
    worst = int(np.where(labels != predicted, confidence, -1).argmax())
    classes = "; ".join(names[i] for i in np.flatnonzero(labels)) or "no class"
    kind = "missed" if labels[worst] else "not there"
    text = f"{kind}, predicted {probabilities[worst]:.1%}: {names[worst]}"
    return Mistake(index, float(confidence[worst]), f"true: {classes}", text)


def write_worst(
    scores: Scores,
    listing: Listing,
    split: str,
    count: int,
    path: pathlib.Path,
    title: str,
) -> int:
    """Writes a contact sheet of the most confident mistakes as a PNG; reads their videos once more.

    Each video has up to four frames, evenly spaced among those of its centre clip. A sheet without
    mistakes says so.

    Args:
        scores: scores of the split.
        listing: the data.
        split: name of the list file.
        count: number of mistakes, if there are as many.
        path: the file; replaced if it exists.
        title: what was evaluated.

    Returns:
        The number of mistakes on the sheet.

    Raises:
        InputError: scores of other videos.
        MissingFile: no list file or video.
        BadVideoError: a video cannot be decoded.
    """
    videos = listing.labelled_videos(split)
    if tuple(video.name for video in videos) != scores.names:
        raise InputError(
            "scores", f"must be of the videos in {split}", f"{len(scores.names)} videos"
        )

    mistakes = find_mistakes(scores)
    shown = mistakes[:count]
    source = source_of(listing, scores.spec.modality)
    progress, cells = ProgressLine(len(shown), "mistakes", f"drawn for {path.name}"), []
    for done, mistake in enumerate(shown, 1):
        cells.append(_cell(mistake, videos[mistake.index], scores.spec, source))
        progress.show(done)

    counts = f"mistakes: {len(mistakes)} of {len(videos)} videos"
    if len(shown) < len(mistakes):
        counts += f"; the {len(shown)} most confident are shown"
    lines = [f"{title} ({scores.protocol})", counts]
    if scores.spec.modality == "flow":
        lines.append(
            "optical flow: red to the right, cyan to the left; the brightness is the speed"
        )
    with replacing(path) as temporary:
        Image.fromarray(_sheet(lines, cells)).save(temporary, format="PNG")
    return len(shown)


def _cell(mistake: Mistake, video: Video, spec: ModelSpec, source: Source) -> np.ndarray:
    """Returns the text and the frames of a video, all cells in one size."""
    clip = center_clip(video, _picture_spec(spec), source)
    times = np.linspace(0, len(clip) - 1, min(len(clip), _FRAMES)).round().astype(int)
    frames = clip[times] if spec.modality == "rgb" else flow_pictures(clip[times])

    width = _FRAMES * _STEP
    lines = [fit(video.name, width, keep_end=True), mistake.true, mistake.predicted]
    text = caption(lines, width, LINE_HEIGHT * 3 + 4, (_GREY, _GREEN, _RED))
    strip = np.full((_PANEL, width, 3), WHITE, np.uint8)
    for number, frame in enumerate(frames):
        strip[:, _STEP * number :][:, :_PANEL] = frame
    return np.concatenate([text, strip])


def _picture_spec(spec: ModelSpec) -> ModelSpec:
    """Returns a spec for reading the frames of a model's clips at the size of the pictures.

    The network is another one, because some networks have frames of one size only.
    """
    return ModelSpec(
        num_segments=spec.num_segments,
        input_size=_PANEL,
        shift_mode="none",
        modality=spec.modality,
        sampling_rate=spec.sampling_rate,
        interpolation=spec.interpolation,
        crop_pct=spec.crop_pct,
    )


def flow_pictures(flow: np.ndarray) -> np.ndarray:
    """Shows optical flow as colours: the hue is the direction, the brightness the speed.

    Args:
        flow: `uint8 [T, H, W, C]`, x and y in turns with 128 as zero; the first pair is shown.

    Returns:
        RGB `uint8 [T, H, W, 3]`. The brightness is relative to the fastest 1% of the pixels.
    """
    x, y = (flow[..., channel].astype(np.float32) - 128 for channel in (0, 1))
    speed = np.hypot(x, y)
    speed /= max(_MIN_SPEED, float(np.quantile(speed, 0.99)))

    hue = np.degrees(np.arctan2(y, x)) % 360
    hsv = np.stack([hue, np.ones_like(hue), speed.clip(0, 1)], axis=-1)
    rgb = np.stack([cv2.cvtColor(frame, cv2.COLOR_HSV2RGB) for frame in hsv])
    return (255 * rgb).round().astype(np.uint8)


def _sheet(lines: Sequence[str], cells: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the title above the cells, row by row."""
    columns = max(1, min(_COLUMNS, len(cells)))
    width = columns * (_FRAMES * _STEP + _GAP) + _GAP
    header = caption(lines, width, LINE_HEIGHT * len(lines) + 2 * _GAP, [INK] * len(lines))
    if not cells:
        return header

    cell_height, cell_width = (size + _GAP for size in cells[0].shape[:2])
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * cell_height, width, 3), WHITE, np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // columns * cell_height, _GAP + number % columns * cell_width
        sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    return np.concatenate([header, sheet])
