"""Draws the truth above the picture of `export.live`, as a GIF for a page.

    python -m export.demo.gif --video=stream/stream.mp4 --events=stream/events.jsonl
        --truth=unseen.csv --output=demo.gif

The header shows the true label, and strips of the last seconds: what happened, and below it the
events of the model, each from its moment on.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from absl import flags
from PIL import Image, ImageDraw, ImageFont

from export.demo.unseen import read_truth
from tsm_tf import cli
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.files import replacing

HEADER = 72  # pixels
_HEIGHT = 300  # of the picture below it
_COLORS = 64
_STRIP_SECONDS = 10.0
_EVENT_SECONDS = 0.4  # how long an event is in its strip
_NAMES_WIDTH = 48  # pixels left of the strips
_STRIPS = {"true": (36, 50), "event": (52, 66)}  # top and bottom
_BACKGROUND, _TRACK, _WHITE, _GREY = (24, 24, 24), (58, 58, 58), (255, 255, 255), (170, 170, 170)


@dataclasses.dataclass(frozen=True)
class Truth:
    """What happened and what the model said.

    Args:
        gestures: start, end and label of each gesture, in seconds.
        events: seconds and label of each event.
    """

    gestures: Sequence[tuple[float, float, str]]
    events: Sequence[tuple[float, str]]

    @functools.cached_property
    def colors(self) -> dict[str, tuple[int, ...]]:
        """A colour for each label, RGB."""
        labels = {label for *_, label in (*self.gestures, *self.events)}
        palette = matplotlib.colormaps["tab20"]
        return {
            label: tuple(round(255 * value) for value in palette(number % palette.N)[:3])
            for number, label in enumerate(sorted(labels))
        }

    def label_at(self, seconds: float) -> str | None:
        """Returns the gesture that happens at a time, or None."""
        return next((label for start, end, label in self.gestures if start <= seconds < end), None)


def read(truth: pathlib.Path, events: pathlib.Path) -> Truth:
    """Reads the CSV of `export.demo.unseen`, and the events of `export.live`, one JSON per line."""
    lines = map(json.loads, events.read_text(encoding="utf-8").splitlines())
    return Truth(read_truth(truth), [(line["seconds"], line["label"]) for line in lines])


def add_header(picture: np.ndarray, seconds: float, truth: Truth) -> np.ndarray:
    """Returns a picture with a header of `HEADER` pixels.

    Args:
        picture: RGB `uint8 [H, W, 3]`.
        seconds: time of the picture; the strips end there.
        truth: what to draw.
    """
    height, width = picture.shape[:2]
    canvas = Image.new("RGB", (width, HEADER + height), _BACKGROUND)
    canvas.paste(Image.fromarray(picture), (0, HEADER))
    draw = ImageDraw.Draw(canvas)

    label = truth.label_at(seconds)
    color = truth.colors[label] if label else _WHITE
    draw.text((8, 17), f"true: {label or 'nothing'}", color, _font(17), anchor="lm")

    left, first = _NAMES_WIDTH, seconds - _STRIP_SECONDS

    def bar(strip, start, end, color):
        begin = left + (width - left) * max(0.0, start - first) / _STRIP_SECONDS
        stop = left + (width - left) * (min(end, seconds) - first) / _STRIP_SECONDS
        if begin < stop:
            draw.rectangle((round(begin), strip[0], round(stop) - 1, strip[1]), color)

    for name, strip in _STRIPS.items():
        draw.text((8, sum(strip) / 2), name, _GREY, _font(11), anchor="lm")
        bar(strip, first, seconds, _TRACK)
    for start, end, label in truth.gestures:
        bar(_STRIPS["true"], start, end, truth.colors[label])
    for start, label in truth.events:
        bar(_STRIPS["event"], start, start + _EVENT_SECONDS, truth.colors[label])
    return np.array(canvas)


def write_gif(video: pathlib.Path, truth: Truth, output: pathlib.Path) -> int:
    """Writes a video with its truth as a GIF; returns the number of frames."""
    frames, times = [], []
    for seconds, frame in iterate_frames(video):
        width = round(frame.shape[1] * _HEIGHT / frame.shape[0])
        small = cv2.resize(frame, (width, _HEIGHT), interpolation=cv2.INTER_AREA)
        frames.append(add_header(small, seconds, truth))
        times.append(seconds)

    palette = _palette(frames, truth)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    durations = np.diff(times, append=times[-1] + (times[-1] - times[0]) / max(1, len(times) - 1))
    with replacing(output) as temporary:
        images[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=[round(1000 * seconds) for seconds in durations],
            loop=0,
        )
    return len(images)


def _palette(frames, truth):
    """Returns one palette for all frames, so that only what changes is written."""
    exact = list(dict.fromkeys([_BACKGROUND, _TRACK, _WHITE, _GREY, *truth.colors.values()]))
    exact = exact[: _COLORS // 2]
    sample = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 16)]))
    others = sample.quantize(_COLORS - len(exact)).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for color in exact for value in color] + others)
    return palette


@functools.lru_cache
def _font(size):
    """Returns DejaVu, which comes with Matplotlib."""
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / "DejaVuSans-Bold.ttf", size)


def define_flags():
    flags.DEFINE_string("video", None, "stream.mp4 of export.live.", required=True)
    flags.DEFINE_string("events", None, "Events of export.live.", required=True)
    flags.DEFINE_string("truth", None, "CSV file of export.demo.unseen.", required=True)
    flags.DEFINE_string("output", None, "The GIF to write.", required=True)


def main():
    values = flags.FLAGS
    truth = read(pathlib.Path(values.truth), pathlib.Path(values.events))
    count = write_gif(pathlib.Path(values.video), truth, pathlib.Path(values.output))
    print(f"written to {values.output}: {count} frames")


if __name__ == "__main__":
    cli.run(main, define_flags)
