import cv2
import numpy as np
import pytest
from testing import refuses

from tsm_tf.data.flow.tv_l1 import FlowEncoder, FlowSettings, decode, quantise


def texture(dx=0, dy=0, height=48, width=64):
    """Smooth noise, moved by some pixels to the right and down."""
    noise = np.random.default_rng(0).integers(0, 256, (height + 40, width + 40), dtype=np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    part = smooth[20 - dy : 20 - dy + height, 20 - dx : 20 - dx + width]
    return np.stack([part] * 3, axis=-1)


def test_quantisation_is_exact():
    flow = np.array([[-30, -20], [0, 20], [30, 0.1], [-0.1, 10]], np.float32)
    assert quantise(flow).tolist() == [[0, 0], [128, 255], [255, 128], [127, 191]]
    halves = np.array([-2, -1, 0, 1, 2], np.float32)  # 125.5, 126.5, 127.5, 128.5, 129.5
    assert quantise(halves, 127.5).tolist() == [126, 126, 128, 128, 130]


def test_a_shift_is_found_in_x_and_y():
    flow = FlowEncoder().flow(texture(), texture(3, -2))
    assert flow.shape == (48, 64, 2) and flow.dtype == np.float32
    inner = flow[8:-8, 8:-8].reshape(-1, 2)
    np.testing.assert_allclose(np.median(inner, axis=0), (3, -2), atol=0.05)


def test_no_motion_is_stored_as_128():
    x, y = FlowEncoder().encode(texture(), texture())
    assert (decode(x, y) == 128).all()


def test_variants_are_those_of_opencv():
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (texture(), texture(2, 1))]
    cpu = FlowEncoder(FlowSettings("cpu")).flow(texture(), texture(2, 1))
    expected = cv2.optflow.DualTVL1OpticalFlow_create().calc(*grey, None)
    np.testing.assert_array_equal(cpu, expected)

    cuda = cv2.optflow.DualTVL1OpticalFlow_create()
    cuda.setInnerIterations(300)
    cuda.setOuterIterations(1)
    cuda.setMedianFiltering(1)
    found = FlowEncoder().flow(texture(), texture(2, 1))
    np.testing.assert_array_equal(found, cuda.calc(*grey, None))
    assert not np.array_equal(found, cpu)


def test_images_are_grey_jpegs_of_the_quantised_flow():
    one, other = texture(), texture(3, -2)
    encoder = FlowEncoder()
    x, y = encoder.encode(one, other)
    levels = quantise(encoder.flow(one, other))
    for content, axis in ((x, 0), (y, 1)):
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert image.shape == (48, 64)  # one channel
        assert np.abs(image.astype(int) - levels[..., axis]).max() <= 4
        plain = cv2.imencode(".jpg", np.ascontiguousarray(levels[..., axis]))[1]
        assert content == plain.tobytes()  # OpenCV's default quality is TSN's
    np.testing.assert_array_equal(decode(x, y)[..., 0], cv2.imdecode(np.frombuffer(x, np.uint8), 0))


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (16, 16)])
def test_tiny_frames_have_flow(size):
    frame = np.zeros((*size, 3), np.uint8)
    assert FlowEncoder().flow(frame, frame).shape == (*size, 2)


def test_bad_settings():
    for name, value in (
        ("variant", "gpu"),
        ("bound", 0.0),
        ("bound", float("nan")),
        ("short_side", 8),
        ("quality", 101),
    ):
        with refuses(name, "must be"):
            FlowSettings(**{name: value})


def test_an_opencv_without_tv_l1_is_named(monkeypatch):
    monkeypatch.delattr(cv2, "optflow")
    with refuses("opencv", "opencv-contrib-python-headless", cv2.__version__):
        FlowEncoder()
