"""Gesture videos to learn from and to test with: a drawn hand, nine classes after Jester's, H.264 files.

    python -m tsm_tf.data.synthetic --output=data/gestures

Classes come in pairs that are each other's reverse in time: one `Swiping Left` played backwards is a `Swiping Right`.
Where a clip starts, how fast it goes, what moves behind it: all is drawn from the same distributions forwards and
backwards, so no single frame tells the two of a pair apart. A network that averages its frames can at best tell the
pairs, 5 of 9 clips; one with a temporal shift can tell all.
"""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import signal
import threading
import time
import zlib

import numpy as np

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
_SETTINGS_FILE = "synthetic.json"
_DONE_EVERY = 25


def gesture_frames(
    label: int, seed: tuple[int, ...], reverse: bool = False
) -> tuple[np.ndarray, int]:
    """Draws one clip.

    Args:
        label: index into `LABELS`.
        seed: numbers that decide everything else about the clip.
        reverse: plays it backwards, which makes it a clip of the pair's other class.

    Returns:
        `uint8 [num_frames, 84, 112, 3]` RGB, and its frames per second.
    """
    from tsm_tf.data.synthetic.scene import Scene

    rng = np.random.default_rng(seed)
    num_frames = _num_frames(rng)
    fps = int(rng.choice((12, 15, 20, 24)))
    scene = Scene(rng, num_frames)
    pose = _poses(label, rng, num_frames)
    frames = np.stack([scene.draw(t, *pose[t]) for t in range(num_frames)])
    return (frames[::-1] if reverse else frames), fps


def _num_frames(rng):
    """Draws a clip's length: the first thing drawn, so that a list file can be written without the clip."""
    return int(rng.integers(24, 41))


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
        drift = (
            rng.uniform(-0.1, 0.1, 2) if rng.random() < 0.5 else (0, 0)
        )  # in a loop, to where it began
        pose["x"] = x + drift[0] * np.sin(2 * np.pi * phase)
        pose["y"] = y + drift[1] * (1 - np.cos(2 * np.pi * phase))
    columns = (
        pose["x"] + jitter[0],
        pose["y"] + jitter[1],
        pose["size"] * (1 + jitter[2]),
        pose["angle"],
    )
    return np.stack(columns, axis=1)


def write_video(path: pathlib.Path, frames: np.ndarray, fps: int) -> None:
    """Writes `uint8 [T, H, W, 3]` RGB frames of even height and width as H.264; whole or not at all."""
    import av

    temporary = path.with_name(f".{path.name}")
    with av.open(str(temporary), "w") as container:
        # One thread, and a preset without lookahead: x264 gives other bytes from run to run with either.
        options = {"preset": "superfast", "crf": "20", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                )
            )
        container.mux(stream.encode())
    os.replace(temporary, path)


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
        """Returns the list file's line."""
        return f"{self.name} {_num_frames(np.random.default_rng(self.clip_seed))} {self.label}\n"

    def render(self):
        write_video(self.output / self.name, *gesture_frames(self.label, self.clip_seed))


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
    _claim(output, {"version": 2, "seed": seed, "counts": counts})
    jobs = {
        split: [_Job(output, split, index, seed) for index in range(counts[split])]
        for split in SPLITS
    }
    for split in SPLITS:
        (output / "videos" / split).mkdir(parents=True, exist_ok=True)
    missing = [job for split in SPLITS for job in jobs[split] if not (output / job.name).is_file()]
    if missing:
        _render_all(missing, workers or os.cpu_count())
    (output / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    for split in SPLITS:
        (output / f"{split}.txt").write_text(
            "".join(job.line() for job in jobs[split]), encoding="utf-8"
        )
    _contact_sheet(output / "contact_sheet.png", seed)


def _render_all(jobs, workers):
    """Renders in processes, with a line that counts; Ctrl-C ends it after the videos in hand."""
    started = time.perf_counter()
    with concurrent.futures.ProcessPoolExecutor(
        min(workers, len(jobs)),
        mp_context=multiprocessing.get_context("forkserver"),
        initializer=_start_worker,
    ) as pool:
        try:
            for number, _ in enumerate(pool.map(_Job.render, jobs, chunksize=4), 1):
                if number % _DONE_EVERY == 0 or number == len(jobs):
                    rate = number / (time.perf_counter() - started)
                    print(f"\r{number}/{len(jobs)} videos, {rate:.0f}/s", end="", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            print()


def _start_worker():
    """Leaves Ctrl-C to the parent, and makes the worker end with a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _claim(output, settings):
    """Marks the folder as this rendering's, or refuses it."""
    if output.exists() and not output.is_dir():
        raise InputError("output", "must be a folder", str(output))
    output.mkdir(parents=True, exist_ok=True)
    marker = output / _SETTINGS_FILE
    if marker.is_file():
        found = marker.read_text(encoding="utf-8")
        if found != json.dumps(settings):
            raise InputError(
                "output", f"must be a new folder; this one was rendered with {found}", str(output)
            )
    elif any(not path.name.startswith(".") for path in output.iterdir()):
        raise InputError(
            "output", "must be a new or empty folder, or one of this command", str(output)
        )
    else:
        temporary = marker.with_name(f".{marker.name}")
        temporary.write_text(json.dumps(settings), encoding="utf-8")
        os.replace(temporary, marker)


def _contact_sheet(path, seed):
    """Draws a row a class: its name, and eight frames from first to last of its first training clip."""
    import cv2

    rows = []
    for label, name in enumerate(LABELS):
        frames, _ = gesture_frames(label, (seed, zlib.crc32(b"train"), label))
        times = np.linspace(0, len(frames) - 1, 8).round().astype(int)
        height = frames.shape[1]
        caption = np.full((height, 230, 3), 255, np.uint8)
        cv2.putText(
            caption,
            name,
            (6, height // 2 + 4),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
        rows.append(np.concatenate([caption, *frames[times]], axis=1))
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])
