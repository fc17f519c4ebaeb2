import numpy as np
from PIL import Image
from testing import video_frames

from tsm_tf.analysis.cam_pictures import View, film, strip, write_film, write_png
from tsm_tf.data.sources.video_file import iterate_frames

FRAMES = (
    np.full((10, 48, 48, 3), 200, np.uint8) - np.arange(10, dtype=np.uint8)[:, None, None, None]
)
LEFT = np.zeros((10, 2, 2), "float32")
LEFT[:, :, 0] = 4  # bilinear: 4 in the left quarter of a row, 0 in the right one


def test_the_background_is_darkened_and_the_foreground_outlined():
    panels = View(["a"], FRAMES, LEFT, threshold=2).panels
    assert panels.shape == (10, 144, 144, 3)
    assert (panels[0, :, 1:70][1:-1] == 200).all() and (panels[1, 72:74, 10:20] == 199).all()
    assert (panels[0, :, 73:] == 60).all() and (panels[1, :, 73:] == int(0.3 * 199)).all()
    assert (panels[0, 72, 71] == (255, 170, 0)).all()

    plain = View(["a"], FRAMES).panels
    assert (plain[3] == 197).all()


def test_a_strip_has_a_row_per_view_and_at_most_eight_columns():
    picture = strip([View(["a"], FRAMES), View(["b", "line"], FRAMES, LEFT, 2)])
    assert picture.shape == (2 * 144, 232 + 8 * 144, 3)
    shown = [int(picture[5, 232 + 144 * i + 5, 0]) for i in range(8)]
    assert shown == [200, 199, 197, 196, 195, 194, 192, 191]  # frames 0, 1, 3, 4, 5, 6, 8, 9
    assert strip([View(["a"], FRAMES[:3])]).shape == (144, 232 + 3 * 144, 3)


def test_labels_show_their_text():
    texts = ["TSN", "TSM", "a name that is far too long for its place beside the frames", "$x$ 👋"]
    labels = [strip([View([text], FRAMES[:1])])[:, :232] for text in texts]
    assert all((label < 128).any() for label in labels)
    assert len({label.tobytes() for label in labels}) == len(texts)
    assert all((label[:, -6:] == 255).all() for label in labels)


def test_a_film_has_the_views_side_by_side(tmp_path):
    pictures = film([View(["a"], FRAMES), View(["b", "line"], FRAMES, LEFT, 2)])
    assert pictures.shape == (10, 3 * 18 + 144, 2 * 232, 3)
    assert [int(p[100, 116, 0]) for p in pictures] == [*range(200, 190, -1)]

    write_film(tmp_path, "cam", pictures)
    with Image.open(tmp_path / "cam.gif") as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"]) == (10, (464, 198), 250)
    frames = [frame for _, frame in iterate_frames(tmp_path / "cam.mp4")]
    assert len(frames) == 10
    assert np.abs(np.stack(frames).astype(int) - pictures).mean() < 6


def test_write_png(tmp_path):
    picture = video_frames(8, 12, 3)
    write_png(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
