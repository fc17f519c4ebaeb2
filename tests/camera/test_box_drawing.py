import numpy as np

from tsm_tf.camera.box_drawing import draw_boxes
from tsm_tf.detection.detections import class_color

RED, BLUE = (255, 0, 0), (0, 0, 255)


def where(picture, color):
    rows, columns = np.nonzero((picture == color).all(axis=-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_boxes_are_half_open_and_two_pixels_wide():
    picture = np.full((40, 60, 3), 90, np.uint8)
    drawn = draw_boxes(picture, np.array([[10, 5, 30, 25]]), [""], [RED])
    assert where(drawn, RED) == (5, 24, 10, 29)
    assert (drawn[7:23, 12:28] == 90).all() and (picture == 90).all()


def test_text_is_above_the_box_or_inside_the_picture():
    picture = np.zeros((100, 200, 3), np.uint8)
    drawn = draw_boxes(
        picture, np.array([[150, 50, 190, 90], [0, 0, 30, 30]]), ["ring 0.95"] * 2, [RED, BLUE]
    )
    assert where(drawn, RED)[0] < 50 and where(drawn, RED)[3] <= 199
    assert where(drawn, BLUE)[0] == 0 and (drawn == 255).all(axis=-1).any()


def test_nothing_to_draw_and_colours():
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    np.testing.assert_array_equal(draw_boxes(picture, np.zeros((0, 4)), [], []), picture)
    assert len({class_color(number) for number in range(10)}) == 10
    assert class_color(3) == class_color(13)
