"""The app's Java, compared with the Python code that it follows; needs a JDK."""

import dataclasses
import itertools
import struct

import cv2
import numpy as np
import pytest
from box_cases import random_outputs
from decoder_cases import (
    EVENT_CASES,
    THRESHOLDS,
    expected_events,
    expected_presence,
    frame_times,
    peaky_stream,
    presence_stream,
)
from PIL import Image
from videos import natural_videos

from export.live.frame_clock import AtRate
from export.runtime.detector_results import read_detections
from tsm_tf.data.crops import center_crop, eval_frame
from tsm_tf.data.resize import scaled_size
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.detection.data.fit_frame import fit_frame, fitting_scale
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.spec import ModelSpec

# Row padding and pixel stride of the chroma planes: planar, planar with padding, and interleaved,
# which most phones have.
LAYOUTS = ((0, 1), (13, 1), (0, 2), (32, 2))


def ints(*values):
    return struct.pack(f">{len(values)}i", *values)


def to_yuv(rgb):
    """Full-range planes of an RGB frame; U and V are means over 2x2 pixels, sizes rounded up."""
    height, width = rgb.shape[:2]
    padded = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    y, v, u = np.moveaxis(cv2.cvtColor(padded, cv2.COLOR_RGB2YCrCb), -1, 0)
    half = (padded.shape[1] // 2, padded.shape[0] // 2)
    u, v = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v))
    return y[:height, :width], u, v


def to_rgb(y, u, v):
    """OpenCV's conversion, with repeated chroma."""
    height, width = y.shape
    u, v = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (u, v))
    return cv2.cvtColor(np.stack([y, v, u], axis=-1), cv2.COLOR_YCrCb2RGB)


def in_memory(plane, padding, pixel_stride):
    """A camera's plane: bytes lie between its pixels and after its rows, but not at its end."""
    height, width = plane.shape
    rows = np.full((height, width * pixel_stride + padding), 77, np.uint8)
    rows[:, : width * pixel_stride : pixel_stride] = plane
    data = rows.tobytes()[: (height - 1) * rows.shape[1] + (width - 1) * pixel_stride + 1]
    return ints(rows.shape[1], pixel_stride, len(data)) + data


def upright(rgb, rotation, mirror):
    turned = np.rot90(rgb, -rotation // 90)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)


def image_size(spec):
    """Height and width of a model's image, and the side to which frames are resized; 0 to fit."""
    if isinstance(spec, DetectorSpec):
        return spec.input_height, spec.input_width, 0
    return spec.input_size, spec.input_size, spec.short_side


def java_frames(host_tool, cases):
    """The app's frames for pairs of a spec, an RGB frame, a layout, a rotation and a mirror."""
    data = b""
    for spec, rgb, (padding, stride), rotation, mirror in cases:
        y, u, v = to_yuv(rgb)
        height, width = rgb.shape[:2]
        data += ints(*image_size(spec), width, height, rotation, mirror)
        data += in_memory(y, padding, 1)
        data += in_memory(u, padding, stride) + in_memory(v, padding, stride)
    answer = np.frombuffer(host_tool(["yuv"], data), np.uint8)

    sizes = [image_size(case[0])[:2] for case in cases]
    ends = np.cumsum([height * width * 3 for height, width in sizes])
    assert len(answer) == ends[-1]
    return [
        frame.reshape(*size, 3)
        for frame, size in zip(np.split(answer, ends[:-1]), sizes, strict=True)
    ]


def pillow_frame(rgb, spec):
    """Pillow's antialiased bilinear filter, which defines the spec's `interpolation`."""
    height, width = rgb.shape[:2]
    size = scaled_size(width, height, spec.short_side)
    resized = Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR)
    return center_crop(np.asarray(resized), spec.input_size)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_frames_are_pythons(host_tool, path):
    """All layouts, rotations and mirrors; odd frame sizes; frames that shrink and that grow."""
    frame = next(itertools.islice(iterate_frames(path), 5, None))[1]
    small = cv2.resize(frame, (257, 191), interpolation=cv2.INTER_AREA)
    frames = (
        (frame[:239, :311], ModelSpec(input_size=96)),
        (small, ModelSpec(input_size=48)),
        (small, ModelSpec(input_size=48, crop_pct=0.8)),
        (small, ModelSpec(input_size=224)),
        (frame[:256, :320], ModelSpec(input_size=224)),
    )
    cases = [
        (spec, rgb, layout, rotation, mirror)
        for rgb, spec in frames
        for layout in LAYOUTS
        for rotation in (0, 90, 180, 270)
        for mirror in ((False, True) if layout == LAYOUTS[0] else (rotation == 90,))
    ]
    for case, actual in zip(cases, java_frames(host_tool, cases), strict=True):
        spec, rgb, _, rotation, mirror = case
        seen = upright(to_rgb(*to_yuv(rgb)), rotation, mirror)
        for expected in (eval_frame(seen, spec), pillow_frame(seen, spec)):
            difference = np.abs(actual.astype(int) - expected).max()
            assert difference <= 2, (rgb.shape, spec.input_size, case[2:], difference)


def test_fitted_frames_are_pythons(host_tool):
    """What detectors see: whole frames with a border on the right, at the bottom, or nowhere."""
    frame = next(itertools.islice(iterate_frames(natural_videos()[0]), 5, None))[1]
    small = cv2.resize(frame, (257, 191), interpolation=cv2.INTER_AREA)
    sizes = ((64, 96), (96, 64), (191, 257), (300, 310))
    specs = [DetectorSpec(input_height=height, input_width=width) for height, width in sizes]
    cases = [
        (spec, rgb, LAYOUTS[2], rotation, rotation == 90)
        for spec in specs
        for rgb in (small, small[:33, :77])  # a half is rounded to the even neighbour
        for rotation in (0, 90, 180, 270)
    ]
    for case, actual in zip(cases, java_frames(host_tool, cases), strict=True):
        spec, rgb, _, rotation, mirror = case
        seen = upright(to_rgb(*to_yuv(rgb)), rotation, mirror)
        expected, _ = fit_frame(seen, (spec.input_height, spec.input_width))
        difference = np.abs(actual.astype(int) - expected).max()
        assert difference <= 2, (rgb.shape, case[2:], difference)


def test_boxes_are_pythons(host_tool):
    """In pixels of the frame, also those of a damaged model."""
    spec = DetectorSpec(num_classes=3, input_height=64, input_width=96, max_detections=10)
    size = (spec.input_height, spec.input_width)
    rng, data, expected = np.random.default_rng(0), b"", []
    for width, height in ((640, 480), (480, 640), (96, 64), (31, 17)):
        for count in (0, 1, 10, 11, -1, 2.5, np.nan, np.inf):
            outputs = random_outputs(rng, spec, count)
            data += ints(*size, spec.num_classes, spec.max_detections, width, height)
            data += b"".join(values.astype(">f4").tobytes() for values in outputs.values())
            found = read_detections(outputs, spec)
            boxes = found.boxes / fitting_scale(height, width, size)
            boxes = boxes.clip(0, (width, height) * 2)
            rows = np.concatenate([found.classes[:, None], found.scores[:, None], boxes], axis=1)
            expected.append(rows)

    lines = host_tool(["boxes"], data).decode().split("\n")[:-1]
    blank = np.flatnonzero([not line for line in lines])  # after each frame
    assert np.diff(blank, prepend=-1).tolist() == [len(rows) + 1 for rows in expected]
    actual = [list(map(float, line.split())) for line in lines if line]
    np.testing.assert_allclose(actual, np.concatenate(expected), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("rules", "num_classes", "background"),
    EVENT_CASES,
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_events_are_pythons(host_tool, rules, num_classes, background):
    """The same events at the same frames, and probabilities that differ only by rounding."""
    logits, seconds = peaky_stream(num_classes)
    expected, probabilities = expected_events(rules, num_classes, background)

    arguments = [*dataclasses.astuple(rules), num_classes, *background]
    data = b"".join(
        struct.pack(">d", time) + row.astype(">f4").tobytes()
        for row, time in zip(logits, seconds, strict=True)
    )
    lines = [line.split() for line in host_tool(["events", *arguments], data).splitlines()]
    expected = [[(*begun, -1)[0], (*shown, -1)[0]] for begun, shown in expected]
    assert [[int(line[0]), int(line[1])] for line in lines] == expected
    actual = np.array([line[2:] for line in lines], np.float64)
    np.testing.assert_allclose(actual, probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_presence_is_pythons(host_tool, thresholds):
    """The same classes at the same frames, and probabilities that differ only by rounding."""
    logits, seconds = presence_stream(len(thresholds))
    expected, probabilities = expected_presence(thresholds)

    data = b"".join(
        struct.pack(">d", time) + row.astype(">f4").tobytes()
        for row, time in zip(logits, seconds, strict=True)
    )
    lines = [
        line.split() for line in host_tool(["presence", *thresholds], data).decode().splitlines()
    ]
    expected = [[",".join(map(str, row)) or "-" for row in pair] for pair in expected]
    assert [line[:2] for line in lines] == expected
    actual = np.array([line[2:] for line in lines], np.float64)
    np.testing.assert_allclose(actual, probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fps", [5.0, 8.0, 12.5, 60.0, None])
def test_frames_are_taken_as_in_python(host_tool, fps):
    """Also after small steps back, and after the clock restarted or leapt."""
    nanos = np.round(frame_times() * 1e9).astype(np.int64)
    frames = AtRate([(n / 1e9, None) for n in nanos], fps)
    taken = [number for number, _, _ in frames]

    answer = host_tool(["clock", fps or "NaN"], (nanos + 10**15).astype(">i8").tobytes())
    lines = answer.split(b"\n")[:-1]
    assert [i for i, line in enumerate(lines) if line.startswith(b"1")] == taken
    assert int(lines[-1].split()[1]) == frames.dropped
    assert fps is None or frames.dropped > 0


def test_finds_the_spec(host_tool, tmp_path):
    pytest.importorskip("tensorflow")
    from weights import with_weights

    from export.tflite import export_model
    from tsm_tf import build_model

    spec = ModelSpec(num_classes=2, labels=("ü", "b"), num_segments=4, input_size=32, width=0.35)
    (path,) = export_model(with_weights(build_model(spec)), tmp_path, online=True)
    assert host_tool(["metadata", path, "TSM_SPEC"]).decode() == spec.to_json()
    assert host_tool(["metadata", path, "nothing"]) == b"null"
