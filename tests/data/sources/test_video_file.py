import pickle
import struct

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, natural_videos

from tsm_tf.data.resize import resize_short_side
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import VideoFiles, iterate_frames, read_frames

KINDS = {
    # name: (file, frames, how to encode, largest mean error of a frame)
    "h264": ("a.mp4", moving_square(), {}, 3),
    "odd size": ("a.mp4", moving_square(height=47, width=63), {"pix_fmt": "yuv444p"}, 3),
    "portrait": ("a.mp4", moving_square(height=80, width=44), {}, 3),
    "10 bit": (
        "a.mkv",
        moving_square(),
        {
            "codec": "libx265",
            "pix_fmt": "yuv420p10le",
            "options": {"x265-params": "log-level=none"},
        },
        4,
    ),
    "vp9": ("a.webm", moving_square(), {"codec": "libvpx-vp9"}, 4),
    "mjpeg avi": ("a.avi", moving_square(), {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, 4),
    "letters": ("ein Vidéo – ü 漢.mp4", moving_square(), {}, 3),
    "variable rate": (
        "a.mp4",
        moving_square(),
        {"times": [0, 1, 2, 7, 8, 9, 20, 21, 22, 23, 30, 31]},
        3,
    ),
    "one frame": ("a.mp4", moving_square(1), {}, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_decodes(tmp_path, kind):
    name, frames, how, tolerance = KINDS[kind]
    path = encode(tmp_path / name, frames, **how)
    decoded = read_frames(path, range(len(frames)))
    assert decoded.shape == frames.shape and decoded.dtype == np.uint8
    error = np.abs(decoded.astype(int) - frames).mean((1, 2, 3))
    assert error.max() < tolerance
    info = probe(path)
    assert info.num_frames == len(frames) and (info.width, info.height) == (
        frames.shape[2],
        frames.shape[1],
    )
    assert sum(1 for _ in iterate_frames(path)) == len(frames)


def test_grey(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square(), pix_fmt="gray")
    decoded = read_frames(path, [5])[0].astype(int)
    assert np.abs(decoded[..., 0] - decoded[..., 2]).max() <= 1
    np.testing.assert_allclose(decoded[..., 0], moving_square()[5] @ (0.299, 0.587, 0.114), atol=12)


def test_any_order_and_repeats(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square())
    every = read_frames(path, range(12))
    np.testing.assert_array_equal(read_frames(path, [7, 2, 2, 11]), every[[7, 2, 2, 11]])


def test_scales_the_short_side(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square(height=48, width=64))
    assert read_frames(path, [0], short_side=24).shape == (1, 24, 32, 3)
    path = encode(tmp_path / "b.mp4", moving_square(height=64, width=48))
    assert read_frames(path, [0], short_side=24).shape == (1, 32, 24, 3)


def with_matrix(path, matrix):
    """Writes a display matrix into the track header, as phones do."""
    content = bytearray(path.read_bytes())
    a, b, c, d = (round(value * (1 << 16)) for value in matrix)
    start = content.index(b"tkhd") + 4 + 40
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


@pytest.mark.parametrize("short_side", [None, 48, 24])
@pytest.mark.parametrize(
    ("turns", "matrix"),
    [
        (0, (1, 0, 0, 1)),
        (1, (0, -1, 1, 0)),
        (2, (-1, 0, 0, -1)),
        (3, (0, 1, -1, 0)),
        (1, (0.1, -0.9, 0.9, 0.1)),  # the nearest multiple of 90 degrees
        (0, (0, 0, 0, 0)),
    ],
)
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_turns_upright(tmp_path, turns, matrix, is_mirrored, short_side):
    """A mirror, as front cameras write it, has a negative determinant: x is negated first."""
    path = encode(tmp_path / "a.mp4", moving_square())
    plain = read_frames(path, [3])[0]
    a, b, c, d = matrix
    with_matrix(path, (-a, -b, c, d) if is_mirrored else matrix)
    expected = np.rot90(plain[:, ::-1] if is_mirrored and any(matrix) else plain, turns)
    if short_side:
        expected = resize_short_side(np.ascontiguousarray(expected), short_side)
    np.testing.assert_array_equal(read_frames(path, [3], short_side)[0], expected)


def test_times_of_a_variable_rate(tmp_path):
    times = [0, 1, 2, 7, 8, 20]
    path = encode(tmp_path / "a.mp4", moving_square(6), times=times)
    assert [round(seconds, 3) for seconds, _ in iterate_frames(path)] == [t / 10 for t in times]


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_natural_videos(path):
    info = probe(path)
    frames = read_frames(path, [0, info.num_frames // 2, info.num_frames - 1], short_side=64)
    assert min(frames.shape[1:3]) == 64 and frames.std() > 10
    assert info.duration == pytest.approx(info.num_frames / info.fps)


def test_broken_files_are_named(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video at all")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    whole = encode(tmp_path / "whole.mp4", moving_square())
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(whole.read_bytes()[:600])
    for path in (text, empty, truncated, tmp_path):
        with pytest.raises(BadVideoError, match=path.name) as caught:
            read_frames(path, [0])
        assert caught.value.path == str(path)
    with refuses("video", "frame 40 is requested, the last is 11", "whole.mp4"):
        read_frames(whole, [40])
    with pytest.raises(FileNotFoundError, match=r"`video`.*gone\.mp4"):
        read_frames(tmp_path / "gone.mp4", [0])


def test_no_frames(tmp_path):
    with encode(tmp_path / "a.mp4", moving_square(1)).open("rb") as file:
        content = file.read()
    path = tmp_path / "none.mp4"
    path.write_bytes(content.replace(b"vide", b"soun"))
    for function in (probe, lambda p: read_frames(p, [0]), lambda p: list(iterate_frames(p))):
        with pytest.raises(BadVideoError, match=r"none\.mp4"):
            function(path)


def test_a_source_goes_to_other_processes():
    copy = pickle.loads(pickle.dumps(VideoFiles(keeps_damaged=True)))
    assert copy.keeps_damaged and copy.damaged == {}
