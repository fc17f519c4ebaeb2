"""Covers `frame_folder` and `image_size`."""

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image
from testing import refuses
from videos import moving_square

from tsm_tf.data.resize import resize_short_side
from tsm_tf.data.sources import frame_folder
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.errors import MissingFile

FRAMES = moving_square(6, 36, 60)


def save(folder, frames, pattern="img_{:05d}.png", first=1, **options):
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(frames, first):
        Image.fromarray(frame).save(folder / pattern.format(number), **options)
    return str(folder)


@pytest.fixture
def video(tmp_path):
    return save(tmp_path / "video", FRAMES)


def test_reads_the_requested_images(video):
    source = FrameFolders(12)
    assert (source.num_frames(video), source.fps(video), source.modality) == (6, 12, "rgb")
    np.testing.assert_array_equal(source.times(video), [0, 1 / 12, 2 / 12, 3 / 12, 4 / 12, 5 / 12])
    np.testing.assert_array_equal(source.read(video, [4, 0, 4, 5]), FRAMES[[4, 0, 4, 5]])

    for number in (1, 2, 4, 5):  # only what is requested is opened
        os.truncate(f"{video}/img_0000{number}.png", 0)
    np.testing.assert_array_equal(source.read(video, range(5, 1, -3)), FRAMES[[5, 2]])


def test_images_are_resized_as_video_frames_are(video):
    for short_side in (18, 36, 72):
        expected = [resize_short_side(frame, short_side) for frame in FRAMES]
        np.testing.assert_array_equal(FrameFolders().read(video, range(6), short_side), expected)


def test_jpeg_is_decoded_as_pillow_does(tmp_path):
    """Pillow is what the original reads images with."""
    folder = save(tmp_path / "video", FRAMES, "{:06d}.jpg", first=0, quality=95)
    expected = [np.asarray(Image.open(f"{folder}/{i:06d}.jpg").convert("RGB")) for i in range(6)]
    np.testing.assert_array_equal(FrameFolders().read(folder, range(6)), expected)

    progressive = save(tmp_path / "other", FRAMES, "{}.JPEG", progressive=True, quality=75)
    assert np.abs(FrameFolders().read(progressive, range(6)).astype(int) - FRAMES).mean() < 4
    grey = save(tmp_path / "grey", FRAMES[..., 0], "{}.jpg")
    image = FrameFolders().read(grey, [3])[0]
    assert image.shape == (36, 60, 3) and np.ptp(image, axis=2).max() == 0


def test_images_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    folder = save(tmp_path / "video", FRAMES, "{}.jpg", exif=exif, quality=95)
    image = FrameFolders().read(folder, [0])[0].astype(int)
    assert np.abs(image - np.rot90(FRAMES[0], -1)).mean() < 4


def test_bad_requests(video, tmp_path):
    source = FrameFolders()
    with refuses("video", "frame 6 is requested, the last is 5", video):
        source.read(video, [0, 6], 18)
    for indices in ([], [-1]):
        with refuses("indices", "frame numbers from 0"):
            source.read(video, indices, 18)
    with pytest.raises(MissingFile, match="existing folder"):
        source.num_frames(str(tmp_path / "gone"))
    (tmp_path / "flow").mkdir()
    for axis in "xy":
        (tmp_path / "flow" / f"flow_{axis}_00001.jpg").touch()
    with refuses("video", "optical flow only"):
        source.num_frames(str(tmp_path / "flow"))
    save(tmp_path / "video", FRAMES[:1, :, ::2], first=3)
    with refuses("video", "frames of several sizes"):
        source.read(video, [1, 2])
    os.remove(f"{video}/img_00004.png")
    with pytest.raises(MissingFile, match=r"must have all its images.*img_00004\.png"):
        source.read(video, [3])


def encoded(kind, frame=FRAMES[0], **options):
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, kind, **options)
    return buffer.getvalue()


def test_damaged_images(video):
    """None of them gives pixels: half an image would be grey below."""
    jpeg, png = encoded("JPEG", quality=95), encoded("PNG")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 1
    thumbnail = jpeg[:2] + b"\xff\xe1\x00\x08Exif\xff\xd9" + jpeg[2 : len(jpeg) // 2]
    bad = [
        *(b"", b"\xff", jpeg[:2], jpeg[:200], jpeg[: len(jpeg) // 2], jpeg[:-2], thumbnail),
        *(png[:40], png[: len(png) // 2], png[:-4], bytes(flipped), bytes(1000)),
        *(b"\xff\xd8" + bytes(1000), b"\xff\xd8" + b"\xff" * 1000),
        *(encoded(kind) for kind in ("WEBP", "TIFF", "BMP", "GIF")),
        *(b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"#EXTM3U\n/etc/passwd\n"),
    ]
    for content in bad:
        with open(f"{video}/img_00001.png", "wb") as file:
            file.write(content)
        with refuses("video", "img_00001.png is", video):
            FrameFolders().read(video, [0])

    for content in (jpeg, png, jpeg + b"trailing bytes of a camera"):
        with open(f"{video}/img_00001.png", "wb") as file:
            file.write(content)
        assert np.abs(FrameFolders().read(video, [0])[0].astype(int) - FRAMES[0]).mean() < 4


def test_images_that_are_too_large(video, monkeypatch):
    for kind, name in (("JPEG", "img_00001.png"), ("PNG", "img_00002.png")):
        content = encoded(kind)
        with open(f"{video}/{name}", "wb") as file:
            file.write(content)
        monkeypatch.setattr(frame_folder, "MAX_PIXELS", 36 * 60 - 1)
        monkeypatch.setattr(cv2, "imdecode", None)  # the size is read before anything is decoded
        with refuses("video", f"{name} has 60x36 pixels, of which 2,159 are allowed"):
            FrameFolders().read(video, [int(name[8]) - 1])
        monkeypatch.undo()
    with open(f"{video}/img_00003.png", "wb") as file:
        file.write(encoded("PNG", np.zeros((2, 65, 3), np.uint8)))
    with refuses("video", "img_00003.png has 65x2 pixels, not with one side at most 32 times"):
        FrameFolders().read(video, [2], 256)
    monkeypatch.setattr(frame_folder, "MAX_IMAGE_BYTES", 70)
    with refuses("video", "img_00003.png is not a file of at most 0 MiB"):
        FrameFolders().read(video, [2])


def test_links_that_leave_the_data(video, tmp_path):
    os.rename(f"{video}/img_00006.png", tmp_path / "x.png")
    os.symlink("../x.png", f"{video}/img_00006.png")
    assert FrameFolders(roots=[str(tmp_path.resolve())]).num_frames(video) == 6
    with pytest.raises(BadVideoError, match=r"img_00006\.png is a link to .*x\.png, outside"):
        FrameFolders(roots=[os.path.realpath(video)]).num_frames(video)
