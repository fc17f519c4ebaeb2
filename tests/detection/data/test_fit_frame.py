import numpy as np
from testing import video_frames

from tsm_tf.data.resize import Resizer
from tsm_tf.detection.data.fit_frame import fit_frame, fitting_scale
from tsm_tf.detection.detections import PADDING


def test_a_frame_of_the_size_stays():
    frame = video_frames(30, 40, 3)
    fitted, scale = fit_frame(frame, (30, 40))
    np.testing.assert_array_equal(fitted, frame)
    assert scale == 1


def test_the_aspect_is_kept_and_the_rest_is_padded():
    frame = video_frames(30, 40, 3)
    fitted, scale = fit_frame(frame, (60, 100))
    assert fitted.shape == (60, 100, 3) and scale == 2
    np.testing.assert_array_equal(fitted[:, :80], Resizer().resize(frame, 80, 60))
    assert (fitted[:, 80:] == PADDING).all()

    fitted, scale = fit_frame(frame, (60, 20))
    assert fitted.shape == (60, 20, 3) and scale == 0.5
    np.testing.assert_array_equal(fitted[:15], Resizer().resize(frame, 20, 15))
    assert (fitted[15:] == PADDING).all()


def test_extreme_frames_keep_at_least_a_pixel():
    fitted, scale = fit_frame(video_frames(2, 400, 3), (16, 32))
    assert fitted.shape == (16, 32, 3) and scale == 0.08
    assert (fitted[1:] == PADDING).all() and (fitted[0] != PADDING).any()


def test_the_scale_is_the_largest_that_fits():
    assert fitting_scale(720, 1280, (600, 1000)) == 1000 / 1280
    assert fitting_scale(500, 500, (600, 1000)) == 1.2
