"""Unusual files for `video_file`: odd names, rates, colours and containers, and broken ones."""

import concurrent.futures
import pathlib
import struct

import av
import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, natural_videos

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import iterate_frames, read_frames


def numbers_of(frames):
    """The numbers of `moving_square`'s frames, which show in the red of their background."""
    return np.round(np.median(frames[..., 0], axis=(1, 2)) / 10).astype(int).tolist()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("b_frames.mp4", {"options": {"bf": "3", "b_strategy": "0"}}),
        ("no times, b frames.avi", {"codec": "mpeg4", "options": {"bf": "2", "qmax": "2"}}),
        ("full_range.mp4", {"pix_fmt": "yuvj420p"}),
        ("4:4:4.mp4", {"pix_fmt": "yuv444p"}),
        ("colon:and%03d.mp4", {}),
        ('it\'s "quoted".mkv', {}),
        ("stream.ts", {}),
    ],
)
def test_numbers_and_colours_are_those_of_the_frames(tmp_path, name, how):
    path = encode(tmp_path / name, moving_square(), **how)
    info = probe(path)
    assert info.num_frames == 12
    assert info.fps == pytest.approx(10, rel=0.01) and info.duration == pytest.approx(1.2, rel=0.01)
    assert numbers_of(read_frames(path, [3, 0, 11, 3])) == [3, 0, 11, 3]
    assert numbers_of(read_frames(path, [5], short_side=24)) == [5]
    times, every = zip(*iterate_frames(path), strict=True)
    assert numbers_of(np.stack(every)) == list(range(12))
    np.testing.assert_allclose(times, np.arange(12) / 10, atol=2e-3)


def test_a_relative_path_with_a_colon_is_not_a_protocol(tmp_path, monkeypatch):
    encode(tmp_path / "12:30.mp4", moving_square())
    monkeypatch.chdir(tmp_path)
    assert numbers_of(read_frames("12:30.mp4", [1])) == [1]


def solid(path, yuv, colorspace, color_range):
    """One frame of one stored colour, tagged with its matrix and range."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        frame = av.VideoFrame(32, 32, "yuv420p")
        for target in (stream.codec_context, frame):
            target.colorspace, target.color_range = colorspace, color_range
        for plane, value in zip(frame.planes, yuv, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("short_side", [None, 16])
@pytest.mark.parametrize(
    ("yuv", "colorspace", "color_range", "rgb"),
    [
        ((81, 90, 240), 6, 1, (254, 0, 0)),  # red by BT.601 ...
        ((63, 102, 240), 1, 1, (255, 0, 0)),  # ... and by BT.709
        ((180, 128, 128), 6, 1, (191, 191, 191)),  # limited range: (180 - 16) * 255 / 219
        ((180, 128, 128), 6, 2, (180, 180, 180)),  # full range
    ],
)
def test_colours_by_the_matrix_and_range_of_the_file(
    tmp_path, yuv, colorspace, color_range, rgb, short_side
):
    frames = read_frames(solid(tmp_path / "a.mp4", yuv, colorspace, color_range), [0], short_side)
    np.testing.assert_allclose(frames[0, 8, 8].astype(int), rgb, atol=1.5)


def test_frames_that_the_edit_list_hides_do_not_count(tmp_path):
    """Phones cut without encoding again: players decode the first frames, but do not show them."""
    path = encode(tmp_path / "cut.mp4", moving_square(), options={"bf": "0"})
    with av.open(str(path)) as container:
        tick = int(1 / (10 * container.streams.video[0].time_base))
    content = bytearray(path.read_bytes())
    struct.pack_into(">i", content, content.index(b"elst") + 16, 4 * tick)
    path.write_bytes(content)
    assert probe(path).num_frames == 8
    assert numbers_of(read_frames(path, range(8))) == list(range(4, 12))


@pytest.mark.parametrize("name", ["cut.mkv", "cut.avi"])
def test_cut_off_in_the_middle(tmp_path, name):
    """Frames before the cut can be read; a frame behind it is an error, never made up."""
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    path = encode(tmp_path / name, noise, options={"bf": "0"})
    whole, content = read_frames(path, range(20)), path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    count = probe(path).num_frames
    assert 5 < count < 15
    np.testing.assert_array_equal(read_frames(path, range(count - 1)), whole[: count - 1])
    with pytest.raises(BadVideoError, match=name):
        read_frames(path, [19])


def test_sound_without_pictures(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for use in (probe, lambda p: read_frames(p, [0]), lambda p: list(iterate_frames(p))):
        with refuses("video", "no video stream", "song.mp4"):
            use(path)


def test_a_stream_without_frames(tmp_path):
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.start_encoding()
    for use in (probe, lambda p: read_frames(p, [0]), lambda p: list(iterate_frames(p))):
        with refuses("video", "none.mkv"):
            use(path)


def test_bad_indices(tmp_path):
    path = encode(tmp_path / "a.mp4", moving_square(2))
    for indices in ([], [-1, 0]):
        with refuses("indices", "frame numbers from 0"):
            read_frames(path, indices)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_natural_frames_are_those_of_a_plain_loop(path):
    wanted = [0, 40, 41, 119]
    with av.open(str(path)) as container:
        plain = [
            f.to_ndarray(format="rgb24")
            for i, f in enumerate(container.decode(video=0))
            if i in wanted
        ]
    frames = read_frames(path, wanted)
    assert np.abs(frames - np.stack(plain).astype(int)).mean() < 2
    small = read_frames(path, wanted, short_side=64)
    assert np.abs(small.mean((1, 2)) - frames.mean((1, 2))).max() < 0.5


def test_a_closed_generator_closes_its_file(tmp_path):
    path = encode(tmp_path / "some.mp4", moving_square())
    frames = iterate_frames(path)
    next(frames)
    frames.close()
    assert path.resolve() not in [
        link.resolve() for link in pathlib.Path("/proc/self/fd").iterdir()
    ]


def test_from_several_threads(tmp_path):
    paths = [encode(tmp_path / f"{n}.mp4", moving_square()[n:]) for n in range(6)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clips = list(pool.map(lambda path: read_frames(path, [5, 1]), paths * 5))
    assert [numbers_of(clip) for clip in clips] == [[n + 5, n + 1] for n in range(6)] * 5
