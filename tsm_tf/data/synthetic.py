"""Gesture videos to learn from and to test with: a drawn hand, nine classes after Jester's, H.264 files.

    python -m tsm_tf.data.synthetic --output=data/gestures

Classes come in pairs that are each other's reverse in time: one `Swiping Left` played backwards is a `Swiping Right`.
Where a clip starts, how fast it goes, what moves behind it: all is drawn from the same distributions forwards and
backwards, so no single frame tells the two of a pair apart. A network that averages its frames can at best tell the
pairs, 5 of 9 clips; one with a temporal shift can tell all.
"""

import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import time
import zlib

import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError

LABELS = (
    "Swiping Left",
    "Swiping Right",
    "Swiping Up",
    "Swiping Down",
    "Zooming In With Full Hand",
    "Zooming Out With Full Hand",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
    "No gesture",
)
SPLITS = ("train", "val")
WIDTH, HEIGHT = 112, 84
_SETTINGS_FILE = "synthetic.json"
_DONE_EVERY = 25


def gesture_frames(label: int, seed: tuple[int, ...], reverse: bool = False) -> tuple[np.ndarray, int]:
    """Draws one clip.

    Args:
        label: index into `LABELS`.
        seed: numbers that decide everything else about the clip.
        reverse: plays it backwards, which makes it a clip of the pair's other class.

    Returns:
        `uint8 [num_frames, HEIGHT, WIDTH, 3]` RGB, and its frames per second.
    """
    rng = np.random.default_rng(seed)
    num_frames = int(rng.integers(24, 41))
    fps = int(rng.choice((12, 15, 20, 24)))
    scene = _Scene(rng, num_frames)
    pose = _poses(label, rng, num_frames)
    frames = np.stack([scene.draw(t, *pose[t]) for t in range(num_frames)])
    return (frames[::-1] if reverse else frames), fps


def _poses(label, rng, num_frames):
    """Returns per frame the hand's x and y (fractions of the frame), size (of the height), angle (degrees)."""
    begin, end = rng.uniform(0, 0.2, 2)
    phase = np.clip((np.linspace(0, 1, num_frames) - begin) / (1 - begin - end), 0, 1)
    phase = phase * phase * (3 - 2 * phase)  # hands speed up and slow down
    if label % 2 and label < 8:
        phase = phase[::-1]  # the pair's other class
    sweep = 2 * phase - 1
    x, y = rng.uniform(0.42, 0.58), rng.uniform(0.42, 0.58)
    size, angle = rng.uniform(0.42, 0.6), rng.uniform(-25, 25)
    still = np.zeros(num_frames)
    jitter = rng.normal(0, 0.008, (3, num_frames))
    pose = {"x": x + still, "y": y + still, "size": size + still, "angle": angle + still}
    kind = label // 2
    if kind == 0:
        pose["x"] = x - rng.uniform(0.2, 0.32) * sweep
    elif kind == 1:
        pose["y"] = y - rng.uniform(0.18, 0.3) * sweep
    elif kind == 2:
        pose["size"] = size * np.exp(rng.uniform(0.3, 0.5) * sweep)
    elif kind == 3:
        pose["angle"] = angle + rng.uniform(40, 75) * sweep
    else:
        pose["size"] = pose["size"] * (0 if rng.random() < 0.25 else 1)  # nobody there
    columns = pose["x"] + jitter[0], pose["y"] + jitter[1], pose["size"] * (1 + jitter[2]), pose["angle"]
    return np.stack(columns, axis=1)


class _Scene:
    """A background, a hand's look, distractors and a shaking camera; everything but the gesture."""

    def __init__(self, rng, num_frames):
        import cv2

        margin = 8
        height, width = HEIGHT + 2 * margin, WIDTH + 2 * margin
        coarse = rng.uniform(0, 255, (int(rng.integers(2, 7)), int(rng.integers(2, 7)), 3))
        base = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        background = base.mean((0, 1)) + rng.uniform(0.2, 0.6) * (base - base.mean((0, 1)))
        background += rng.normal(0, rng.uniform(0, 8), background.shape)
        self.background = np.clip(background, 0, 255).astype(np.uint8)
        self.color = _contrasting(rng, self.background.mean((0, 1)))
        self.mirror = rng.choice((-1, 1))
        self.spread = rng.uniform(12, 24)
        self.lengths = rng.uniform(0.42, 0.58, 5) * (0.75, 0.95, 1, 0.95, 0.8)
        self.thickness = rng.uniform(0.1, 0.15)
        shake = np.cumsum(rng.normal(0, rng.uniform(0, 0.7), (num_frames, 2)), axis=0)
        self.shake = np.clip(margin + shake - shake.mean(0), 0, 2 * margin).astype(int)
        count = int(rng.integers(0, 3))
        centers = rng.uniform(0, 1, (count, 1, 2)) + np.linspace(-0.5, 0.5, num_frames)[:, None] * rng.normal(
            0, 0.4, (count, 1, 2)
        )
        self.blobs = [(path, int(rng.integers(3, 8)), tuple(map(int, rng.uniform(0, 255, 3)))) for path in centers]

    def draw(self, t, x, y, size, angle):
        import cv2

        left, top = self.shake[t]
        frame = self.background[top : top + HEIGHT, left : left + WIDTH].copy()
        for path, radius, color in self.blobs:
            center = (int(path[t, 0] * WIDTH * 16), int(path[t, 1] * HEIGHT * 16))
            cv2.circle(frame, center, radius * 16, color, -1, cv2.LINE_AA, 4)
        if size > 0:
            self._draw_hand(frame, np.array((x * WIDTH, y * HEIGHT)), size * HEIGHT, np.deg2rad(angle))
        return frame

    def _draw_hand(self, frame, center, size, angle):
        import cv2

        def point(direction, distance):
            turned = angle + self.mirror * np.deg2rad(direction)
            at = center + distance * size * np.array((np.sin(turned), -np.cos(turned)))
            return tuple(int(v) for v in np.round(at * 16))

        dark = tuple(int(0.6 * c) for c in self.color)
        thickness = max(2, round(self.thickness * size))
        for color, extra in ((dark, 2), (self.color, 0)):  # an outline first
            cv2.line(frame, point(180, 0), point(180, 0.5), color, 2 * thickness + extra, cv2.LINE_AA, 4)
            cv2.circle(frame, point(0, 0), round(0.24 * size * 16 + 8 * extra), color, -1, cv2.LINE_AA, 4)
            for finger, length in enumerate(self.lengths):
                direction = -75 if finger == 0 else (finger - 2.5) * self.spread
                cv2.line(
                    frame, point(direction, 0.15), point(direction, length), color, thickness + extra, cv2.LINE_AA, 4
                )


def _contrasting(rng, background):
    """Returns a colour whose brightness is well away from the background's."""
    weights = np.array((0.299, 0.587, 0.114))
    while True:
        color = rng.uniform(20, 255, 3)
        if abs((color - background) @ weights) > 60:
            return tuple(int(c) for c in color)


def write_video(path: pathlib.Path, frames: np.ndarray, fps: int) -> None:
    """Writes `uint8 [T, H, W, 3]` RGB frames of even height and width as H.264; whole or not at all."""
    import av

    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    with av.open(str(temporary), "w") as container:
        # One thread, and a preset without lookahead: x264 gives other bytes from run to run with either.
        options = {"preset": "superfast", "crf": "20", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    os.replace(temporary, path)


def _render(output, split, index, seed):
    """Renders one clip unless it is there; returns its line of the list file."""
    label = index % len(LABELS)
    name = f"videos/{split}/{index:05d}.mp4"
    frames, fps = gesture_frames(label, (seed, zlib.crc32(split.encode()), index))
    path = output / name
    if not path.is_file():
        write_video(path, frames, fps)
    return f"{name} {len(frames)} {label}"


def render(output: pathlib.Path, counts: dict[str, int], seed: int = 0, workers: int = 0) -> None:
    """Renders train and val videos, `train.txt`, `val.txt`, `labels.txt` and `contact_sheet.png`.

    Clip i of a split shows class `i % 9`. The same settings give the same bytes, whatever the number of workers. A
    rendering that was stopped goes on with what is missing.

    Args:
        output: folder; new, empty, or of a rendering with the same settings.
        counts: number of clips by split.
        seed: everything random follows from it.
        workers: processes; 0 takes one a processor.

    Raises:
        InputError: the folder holds something else.
    """
    _claim(output, {"version": 1, "seed": seed, "counts": counts})
    jobs = [(split, index) for split in SPLITS for index in range(counts[split])]
    lines = {split: [] for split in SPLITS}
    for split in SPLITS:
        (output / "videos" / split).mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    context = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(workers or os.cpu_count(), mp_context=context) as pool:
        arguments = ([output] * len(jobs), *zip(*jobs, strict=True), [seed] * len(jobs))
        rendered = pool.map(_render, *arguments, chunksize=8)
        for number, ((split, _), line) in enumerate(zip(jobs, rendered, strict=True), 1):
            lines[split].append(line)
            if number % _DONE_EVERY == 0 or number == len(jobs):
                rate = number / (time.perf_counter() - started)
                print(f"\r{number}/{len(jobs)} videos, {rate:.0f}/s", end="", flush=True)
    print()
    (output / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    for split in SPLITS:
        (output / f"{split}.txt").write_text("\n".join(lines[split]) + "\n", encoding="utf-8")
    _contact_sheet(output / "contact_sheet.png", seed)


def _claim(output, settings):
    """Marks the folder as this rendering's, or refuses it."""
    output.mkdir(parents=True, exist_ok=True)
    marker = output / _SETTINGS_FILE
    if marker.is_file():
        found = json.loads(marker.read_text())
        if found != settings:
            raise InputError("output", f"must be a new folder; this one was rendered with {found}", str(output))
    elif any(output.iterdir()):
        raise InputError("output", "must be a new or empty folder, or one of this command", str(output))
    else:
        marker.write_text(json.dumps(settings))


def _contact_sheet(path, seed):
    """Draws a row a class: its name, and eight frames from first to last of its first training clip."""
    import cv2

    rows = []
    for label, name in enumerate(LABELS):
        frames, _ = gesture_frames(label, (seed, zlib.crc32(b"train"), label))
        times = np.linspace(0, len(frames) - 1, 8).round().astype(int)
        caption = np.full((HEIGHT, 230, 3), 255, np.uint8)
        cv2.putText(caption, name, (6, HEIGHT // 2 + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        rows.append(np.concatenate([caption, *frames[times]], axis=1))
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("output", None, "Folder to render into.", required=True)
    flags.DEFINE_integer("num_train", 1440, "Training videos.", lower_bound=1)
    flags.DEFINE_integer("num_val", 360, "Validation videos.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Everything random follows from it.", lower_bound=0)
    flags.DEFINE_integer("workers", 0, "Processes; 0 takes one a processor.", lower_bound=0)


def main():
    """Renders."""
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    render(output, {"train": values.num_train, "val": values.num_val}, values.seed, values.workers)
    print(f"written to {output}: train.txt, val.txt, labels.txt; to look at: {output / 'contact_sheet.png'}")


if __name__ == "__main__":
    cli.run(main, define_flags)
