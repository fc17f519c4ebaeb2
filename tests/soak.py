"""Streams for a very long time: memory stays flat, and the model forgets, even a NaN.

    python tests/soak.py --steps=1000000

A model with K shifted blocks remembers K frames. Block k's cache holds a part of its input, which
its predecessors computed from the frame and from *their* caches, so the trace of a frame moves by
one block per frame. A broken frame has no influence, to the bit, on the logits of the (K + 1)th
frame after it.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from export.runtime import StreamRunner

RSS_GROWTH = 2**20  # bytes
_WARM_UP = 0.1  # share of the steps until allocators and the processor's pages have settled


def rss() -> int:
    """Returns the number of bytes of memory that this process uses."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def reach(runner: StreamRunner) -> int:
    """Returns K, the number of shifted blocks: a frame affects the logits of K later frames."""
    return runner.receptive_field - 1


def run(runner: StreamRunner, frames) -> np.ndarray:
    """Returns the logits of each frame."""
    return np.stack([runner.step(frame) for frame in frames])


def check_forgets(runner: StreamRunner, frames: np.ndarray) -> None:
    """Checks that after K + 1 identical frames the logits are those of a fresh start on them."""
    count = reach(runner) + 1
    still = [frames[0]] * count
    aged = run(runner, still)[-1]
    runner.reset()
    np.testing.assert_array_equal(aged, run(runner, still)[-1])


def check_broken_frame(runner: StreamRunner, frames: np.ndarray, broken: np.ndarray) -> np.ndarray:
    """Checks that a broken frame changes the logits of at most K later frames.

    Args:
        runner: the model.
        frames: `[T, ...]`, with T > K + 1.
        broken: replaces the first frame.

    Returns:
        For each frame, whether its logits changed.
    """
    runner.reset()
    expected = run(runner, frames)
    runner.reset()
    actual = run(runner, [broken, *frames[1:]])
    runner.reset()
    changed = ~(actual == expected).all(axis=1)
    assert not changed[reach(runner) + 1 :].any(), (
        f"{np.flatnonzero(changed)[-1]} frames, not {reach(runner)}"
    )
    return changed


def soak(runner: StreamRunner, frames: np.ndarray, steps: int) -> int:
    """Steps through the frames repeatedly.

    Returns:
        By how many bytes the process grew after its warm-up.

    Raises:
        AssertionError: the logits are no longer finite.
    """
    before, started, reported = 0, time.monotonic(), 0.0
    for step in range(steps):
        if step == int(_WARM_UP * steps):
            before = rss()
        logits = runner.step(frames[step % len(frames)])
        if step % 1000 == 0:
            assert np.isfinite(logits).all(), f"step {step}: {logits}"
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                print(
                    f"  step {step:,} of {steps:,}, {reported - started:.0f} s, {rss():,} bytes",
                    flush=True,
                )
    return rss() - before


def main():
    """Soaks a small model, float32 and int8; raises AssertionError if it fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1_000_000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        for path in export(folder):
            runner = StreamRunner(path)
            # Not from `testing`, which loads Keras: a leak could hide in its spare memory.
            frames = np.random.default_rng(1).integers(
                0, 256, (reach(runner) + 3, *shape_of(runner)), np.uint8
            )
            print(f"{path.name} on {runner.runtime}, {steps:,} steps", flush=True)
            growth = soak(runner, frames, steps)
            print(f"  grew by {growth:,} bytes after its warm-up", flush=True)
            assert growth < RSS_GROWTH, growth
            check_forgets(runner, frames)
            noise = np.random.default_rng(0).integers(0, 256, frames[0].shape, np.uint8)
            changed = check_broken_frame(runner, frames, noise)
            limit = f"at most {reach(runner)} are allowed"
            print(f"  a broken frame changed {changed.sum() - 1} later frames; {limit}")


def shape_of(runner):
    """Returns the shape of a frame."""
    return runner.spec.input_size, runner.spec.input_size, runner.spec.channels


def export(folder):
    """Writes a small online model in another process, whose memory is not counted."""
    options = [
        "--online",
        "--width=0.35",
        "--input_size=32",
        "--num_classes=4",
        "--variants=float32,int8",
    ]
    command = [
        sys.executable,
        "-m",
        "export.tflite",
        *options,
        "--num_videos=4",
        f"--output={folder}",
    ]
    subprocess.run(command, check=True)
    return sorted(pathlib.Path(folder).glob("*.tflite"))


if __name__ == "__main__":
    main()
