"""The app's Java against the Python code whose rules it has; needs a JDK."""

import itertools
import json
import struct

import cv2
import numpy as np
import pytest
from jester import LABELS
from videos import natural_videos

from export.live.smoothing import Smoother
from export.live.sources import AtRate
from tsm_tf.data.crops import eval_frame
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.spec import ModelSpec

# row padding, pixel stride of chroma: planar, planar with padding, interleaved as most phones give it
LAYOUTS = ((0, 1), (13, 1), (0, 2), (32, 2))


def ints(*values):
    return struct.pack(f">{len(values)}i", *values)


def to_yuv(rgb):
    """Full-range planes of an RGB frame: Y, and U and V of half the size, rounded up, the mean of each 2x2 pixels."""
    height, width = rgb.shape[:2]
    padded = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    y, v, u = np.moveaxis(cv2.cvtColor(padded, cv2.COLOR_RGB2YCrCb), -1, 0)
    half = (padded.shape[1] // 2, padded.shape[0] // 2)
    u, v = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v))
    return y[:height, :width], u, v


def to_rgb(y, u, v):
    """OpenCV's conversion, chroma repeated."""
    height, width = y.shape
    u, v = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (u, v))
    return cv2.cvtColor(np.stack([y, v, u], axis=-1), cv2.COLOR_YCrCb2RGB)


def in_memory(plane, padding, pixel_stride):
    """A plane as a camera lays it: between pixels and behind rows lies something else, the last row ends early."""
    height, width = plane.shape
    rows = np.full((height, width * pixel_stride + padding), 77, np.uint8)
    rows[:, : width * pixel_stride : pixel_stride] = plane
    data = rows.tobytes()[: (height - 1) * rows.shape[1] + (width - 1) * pixel_stride + 1]
    return ints(rows.shape[1], pixel_stride, len(data)) + data


def upright(rgb, rotation, mirror):
    turned = np.rot90(rgb, -rotation // 90)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_frames_are_opencvs(host_tool, path):
    """All layouts, rotations and mirrors; odd sizes; models of several sizes, one larger than the frame."""
    frame = next(itertools.islice(iterate_frames(path), 5, None))[1]
    small = cv2.resize(frame, (257, 191), interpolation=cv2.INTER_AREA)
    cases = [
        (rgb, size, layout, rotation, mirror)
        for rgb, size in (
            (frame[:239, :311], 96),
            (small, 48),
            (small, 224),
            (frame[:256, :320], 224),
        )
        for number, layout in enumerate(LAYOUTS)
        for rotation in (0, 90, 180, 270)
        for mirror in ((False, True) if number == 0 else (rotation == 90,))
    ]
    data, expected = b"", []
    for rgb, size, (padding, stride), rotation, mirror in cases:
        y, u, v = to_yuv(rgb)
        data += ints(size, rgb.shape[1], rgb.shape[0], rotation, mirror)
        data += (
            in_memory(y, padding, 1) + in_memory(u, padding, stride) + in_memory(v, padding, stride)
        )
        expected.append(
            eval_frame(upright(to_rgb(y, u, v), rotation, mirror), ModelSpec(input_size=size))
        )
    answer = host_tool(["yuv"], data)
    assert len(answer) == sum(image.size for image in expected)
    for case, image in zip(cases, expected, strict=True):
        actual, answer = (
            np.frombuffer(answer[: image.size], np.uint8).reshape(image.shape),
            answer[image.size :],
        )
        difference = np.abs(actual.astype(int) - image)
        assert difference.max() <= 2, (case[0].shape, case[1:], difference.max())


def test_official_smoothing(host_tool, golden_dir):
    for case in json.loads((golden_dir / "demo_smoothing.json").read_text())["cases"]:
        answer = host_tool(["refine", *LABELS], ints(*case["predicted"]))
        assert [int(line) for line in answer.split()] == case["shown"]


@pytest.mark.parametrize("labels", [LABELS, ("a", "No gesture", "b"), ("x", "y")], ids=len)
def test_smoothing_is_pythons(host_tool, labels):
    rng = np.random.default_rng(0)
    logits = np.repeat(rng.normal(size=(60, len(labels))), 5, axis=0) + rng.normal(
        size=(300, len(labels))
    )
    smoother = Smoother(labels)
    expected = [smoother.step(row) for row in logits.astype(np.float32)]
    assert [
        int(line) for line in host_tool(["smooth", *labels], logits.astype(">f4").tobytes()).split()
    ] == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("fps", [5.0, 8.0, 12.5, 60.0, None])
def test_frames_are_taken_as_in_python(host_tool, fps):
    gaps, shares = [1 / 30, 1 / 30 + 1e-4, 0.1, 0.3], [0.5, 0.4, 0.07, 0.03]
    seconds = np.cumsum(np.random.default_rng(0).choice(gaps, size=200, p=shares))
    nanos = np.round((seconds - seconds[0]) * 1e9).astype(np.int64)
    frames = AtRate([(n / 1e9, None) for n in nanos], fps)
    taken = [number for number, _, _ in frames]
    lines = host_tool(["clock", fps or "NaN"], (nanos + 10**15).astype(">i8").tobytes()).split(
        b"\n"
    )[:-1]
    assert [i for i, line in enumerate(lines) if line.startswith(b"1")] == taken
    assert int(lines[-1].split()[1]) == frames.dropped and (fps is None or frames.dropped > 0)


def test_finds_the_spec(host_tool, tmp_path):
    pytest.importorskip("tensorflow")
    from weights import with_weights

    from export.tflite import export_model
    from tsm_tf import build_model

    spec = ModelSpec(num_classes=2, labels=("ü", "b"), num_segments=4, input_size=32, width=0.35)
    (path,) = export_model(with_weights(build_model(spec)), tmp_path, online=True)
    assert host_tool(["metadata", path, "TSM_SPEC"]).decode() == spec.to_json()
    assert host_tool(["metadata", path, "nothing"]) == b"null"
