"""A video through the official test pipeline and through ours, from the file to the logits.

The official pipeline is written here from its description (tests/golden/README.md, and section
5.1.1 of the paper). FFmpeg extracts JPEG images, PIL resizes their short side to 256 and crops
them, and float32 arithmetic normalises them. Ours decodes the video. Both feed the same golden
ResNet-50 (case A), which tests/models/test_golden.py compares with the original at 1e-5.

Pixels differ because an image is compressed as JPEG, and its YUV values are rounded twice. With
images of the stored size, the mean difference of the four natural videos is 0.8 to 1.2 levels. With
images of 256 pixels it is 1.3 to 3.3. FFmpeg then scales the YUV planes, with colours at half of
the resolution, by a bicubic filter that is sharper than PIL's bilinear one, and rounds the width to
the nearest number where `GroupScale` rounds it down.

Logits are compared in three ways, because their difference must be explained by the pixels:

- Our pixels through the official normalisation and average give our logits within the golden
  tolerance (measured: 6e-8). So only the pixels are left to differ.
- The difference is what the gradient predicts: the derivative of the logits along the difference of
  the pixels, at the point halfway between both (measured: 0.2% to 1.2% off).
- It is not larger than twice the difference that the same errors cause at random places (measured:
  0.4 to 1.6 times).
"""

import fractions
import functools
import json

import av
import keras
import numpy as np
import pytest
from official import OfficialCase
from PIL import Image
from testing import array
from videos import natural_videos

from tsm_tf import ModelSpec, build_model, load_official_weights
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.evaluation.protocols import PROTOCOLS, mean_logits
from tsm_tf.evaluation.view_logits import ClipScorer, sized_model
from tsm_tf.weights.official import infer_spec

SEGMENTS = 8
SPEC = ModelSpec(backbone="resnet50", num_segments=SEGMENTS, shift_mode="bidirectional")
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def official_indices(protocol, count):
    """Frame numbers `[clips, T]` of a video of `count` frames."""
    tick = count / SEGMENTS
    centres = [int(tick / 2 + tick * i) for i in range(SEGMENTS)]
    if protocol == "something_accurate":
        return [centres, [int(tick * i) for i in range(SEGMENTS)]]
    if protocol == "kinetics_accurate":
        starts = np.linspace(0, max(0, count - 64), 10, dtype=int)
        return [[(start + 64 // SEGMENTS * i) % count for i in range(SEGMENTS)] for start in starts]
    return [centres]


def official_boxes(protocol, width, height):
    """Left, top, side and whether it is mirrored, for each crop of a resized frame."""
    if protocol == "efficient":
        return [(round((width - 224) / 2), round((height - 224) / 2), 224, False)]
    side = 224 if protocol == "ten_crop" else 256
    x, y = (width - side) // 4, (height - side) // 4
    if side == 256:
        return [(left * x, 2 * y, side, False) for left in (0, 4, 2)]
    corners = [(0, 0), (4 * x, 0), (0, 4 * y), (4 * x, 4 * y), (2 * x, 2 * y)]
    return [(*corner, side, mirrored) for corner in corners for mirrored in (False, True)]


def extract(video, folder, short_side=None, interpolation="BICUBIC"):
    """Writes each frame as JPEG, as `ffmpeg -vf scale=-1:256 -q:v 0` does; None keeps the size."""
    folder.mkdir(parents=True)
    with (
        av.open(str(video)) as source,
        av.open(str(folder / "img_%05d.jpg"), "w", format="image2") as output,
    ):
        stream = None
        for number, frame in enumerate(source.decode(video=0)):
            scale = short_side / min(frame.width, frame.height) if short_side else 1
            size = round(frame.width * scale), round(frame.height * scale)
            frame = frame.reformat(*size, "yuvj420p", interpolation=interpolation)
            if stream is None:
                stream = output.add_stream("mjpeg", 25, {"qmin": "1", "qmax": "1"})
                stream.width, stream.height = size
                stream.pix_fmt = "yuvj420p"
            frame.pict_type, frame.pts, frame.time_base = 0, number, fractions.Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return folder


def official_clips(folder, protocol):
    """All views of a folder of images, `uint8 [views, T, S, S, 3]`."""
    count = len(list(folder.iterdir()))
    indices = official_indices(protocol, count)
    frames = {}
    for index in {index for clip in indices for index in clip}:
        with Image.open(folder / f"img_{index + 1:05d}.jpg") as image:
            width, height = image.size
            if width <= height:
                size = 256, int(256 * height / width)
            else:
                size = int(256 * width / height), 256
            frames[index] = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)

    def crop(index, x, y, side, is_mirrored):
        part = frames[index].crop((x, y, x + side, y + side))
        return np.asarray(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_mirrored else part)

    boxes = official_boxes(protocol, *frames[indices[0][0]].size)
    return np.stack([np.stack([crop(i, *box) for i in clip]) for clip in indices for box in boxes])


def our_clips(video, protocol):
    return load_views(entry(video), SPEC, VIDEO_FILES, PROTOCOLS[protocol].views)


def entry(path):
    return Video(str(path), "", -1, -1)


class Coordinates:
    """A source whose pixels say where they are: x and y modulo 256, and the frame's number."""

    modality = "rgb"

    def __init__(self, width, height, count):
        self.width, self.height, self.count = width, height, count

    def num_frames(self, path):
        return self.count

    def read(self, path, indices, short_side, interpolation="bilinear"):
        assert short_side == min(self.width, self.height)
        frames = np.empty((len(indices), self.height, self.width, 3), np.uint8)
        frames[..., 0] = np.arange(self.width) % 256
        frames[..., 1] = (np.arange(self.height) % 256)[:, None]
        frames[..., 2] = np.array(indices)[:, None, None]
        return frames


@every_protocol
@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(340, 256, 100), (256, 341, 30), (455, 256, 5), (257, 256, 64), (256, 256, 250)],
)
def test_the_same_indices_and_boxes(protocol, width, height, count):
    source = Coordinates(width, height, count)
    views = load_views(entry("a"), SPEC, source, PROTOCOLS[protocol].views)
    expected = [
        (index, *box)
        for clip in official_indices(protocol, count)
        for box in official_boxes(protocol, width, height)
        for index in clip
    ]
    found = []
    for frame in views.reshape(-1, *views.shape[2:]):
        columns, rows = frame[0, :, 0], frame[:, 0, 1]
        is_mirrored = (columns[1].astype(int) - columns[0]) % 256 == 255
        left = columns[-1] if is_mirrored else columns[0]
        found.append((int(frame[0, 0, 2]), int(left), int(rows[0]), len(rows), is_mirrored))
    assert found == expected


def test_the_descriptions_agree_with_the_golden_numbers(golden_dir):
    golden = json.loads((golden_dir / "sampling.json").read_text())
    for rule, protocol in (("test", "efficient"), ("twice", "something_accurate")):
        cases = [case for case in golden[rule] if case[:2] == [SEGMENTS, 1]]
        assert len(cases) > 10
        for _, _, count, indices in cases:
            assert np.ravel(official_indices(protocol, count)).tolist() == indices
    dense = [case for case in golden["dense_test"] if case[0] == SEGMENTS]
    for _, count, indices in dense:
        assert np.ravel(official_indices("kinetics_accurate", count)).tolist() == indices
    for case in golden["test_crops"]:
        if (case["crop"], case["full_res_crop"]) == (224, 256) and min(case["image"]) >= 256:
            ten = official_boxes("ten_crop", *case["image"])
            assert [list(box[:2]) for box in ten[::2]] == case["five"]
            three = official_boxes("kinetics_accurate", *case["image"])
            assert [list(box[:2]) for box in three] == case["three"]


@pytest.fixture(scope="module")
def bikes(tmp_path_factory):
    """A video of 640x272 pixels, and its images of the stored size."""
    video = next(path for path in natural_videos() if path.name == "bikes.mp4")
    return video, extract(video, tmp_path_factory.mktemp("bikes") / "images")


@pytest.mark.parametrize(
    "protocol",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "kinetics_accurate" else ())
        for name in PROTOCOLS
    ],
)
def test_pixels(bikes, protocol):
    video, folder = bikes
    ours, theirs = our_clips(video, protocol), official_clips(folder, protocol)
    assert ours.shape == theirs.shape and len(ours) == PROTOCOLS[protocol].views.count
    assert difference(ours, theirs) < 1.1


def difference(ours, theirs):
    return np.abs(ours.astype(int) - theirs).mean()


@pytest.mark.slow
@pytest.mark.parametrize("video", natural_videos(), ids=lambda path: path.stem)
def test_pixels_of_images_of_either_size(video, tmp_path):
    """A bilinear filter, which FFmpeg does not use unless told to, would explain a part."""
    ours, mean = our_clips(video, "efficient"), {}
    for side, interpolation in ((None, "BICUBIC"), (256, "BICUBIC"), (256, "BILINEAR")):
        folder = extract(video, tmp_path / f"{side}{interpolation}", side, interpolation)
        mean[side, interpolation] = difference(ours, official_clips(folder, "efficient"))
    print(mean)
    assert mean[None, "BICUBIC"] < 1.3
    assert mean[256, "BILINEAR"] < mean[256, "BICUBIC"] < 3.5


class Golden:
    """The golden ResNet-50, at any size."""

    def __init__(self, golden_dir):
        case = OfficialCase(golden_dir, "A")
        self.state_dict = case.state_dict()
        self.spec = infer_spec(self.state_dict)
        self.ours = build_model(self.spec)
        load_official_weights(self.ours, self.state_dict)

    @functools.cache  # noqa: B019 (a few sizes)
    def official(self, size):
        """The network that takes normalised pixels."""
        spec = self.spec.replace(input_size=size, crop_pct=size / self.spec.short_side)
        model = build_model(spec, preprocess=False)
        load_official_weights(model, self.state_dict)
        return model

    def official_logits(self, clips):
        """The mean over the views, `[C]`, of the official pipeline from pixels on."""
        model = self.official(clips.shape[2])
        return np.mean([model.predict_on_batch(normalised(c[None]))[0] for c in clips], axis=0)

    def our_logits(self, clips, protocol):
        model = sized_model(self.ours, PROTOCOLS[protocol].views)
        return mean_logits(ClipScorer(model, batch_size=4)(clips))

    def derivative(self, start, end, direction):
        """Of the logits along a direction, for pixels that move from `start` to `end`."""
        import tensorflow as tf

        model, (start, end) = self.official(start.shape[2]), map(normalised, (start, end))
        halfway = tf.constant((start + end) / 2)
        with tf.GradientTape() as tape:
            tape.watch(halfway)
            along = keras.ops.sum(model(halfway, training=False) * direction)
        return float((array(tape.gradient(along, halfway)).astype(float) * (end - start)).sum())


def normalised(clips):
    return (clips.astype(np.float32) / 255 - MEAN) / STD


@pytest.fixture(scope="module")
def golden(golden_dir):
    return Golden(golden_dir)


@pytest.mark.slow
@every_protocol
def test_logits(golden, bikes, protocol):
    video, folder = bikes
    ours, theirs = our_clips(video, protocol), official_clips(folder, protocol)
    logits = golden.our_logits(ours, protocol)
    np.testing.assert_allclose(golden.official_logits(ours), logits, rtol=0, atol=1e-5)

    official = golden.official_logits(theirs)
    print(protocol, "moved", rms(official - logits), "of", logits.std())
    assert rms(official - logits) < 2e-3 * logits.std()
    assert official.argmax() == logits.argmax()


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.slow
@pytest.mark.parametrize("side", [None, 256])
@pytest.mark.parametrize("video", natural_videos()[:3], ids=lambda path: path.stem)
def test_the_pixels_explain_the_logits(golden, video, side, tmp_path):
    """Also where a bicubic filter makes the pixels differ more."""
    ours = our_clips(video, "efficient")
    theirs = official_clips(extract(video, tmp_path / "images", side), "efficient")
    moved = golden.official_logits(theirs) - golden.official_logits(ours)
    length = float(np.linalg.norm(moved))
    predicted = golden.derivative(ours, theirs, moved / length)
    assert predicted == pytest.approx(length, rel=0.05)

    errors = np.random.default_rng(0).permutation((theirs.astype(int) - ours).ravel())
    noisy = np.clip(ours + errors.reshape(ours.shape), 0, 255)
    noise = golden.official_logits(noisy) - golden.official_logits(ours)
    print(video.name, side, length, predicted, rms(moved) / rms(noise))
    assert rms(moved) < 2 * rms(noise)
