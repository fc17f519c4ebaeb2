import pytest
from testing import refuses

from tsm_tf.data.flips import describe_flips, flip_targets, read_flip_targets
from tsm_tf.errors import MissingFile


def test_flips_swap_sided_words_and_spare_the_rest():
    labels = (
        "Swiping Left",
        "Swiping Right",
        "turn_clockwise",
        "turn_counter-clockwise",
        "Stop Sign",
        "Left turn",
    )
    assert flip_targets(labels) == (1, 0, 3, 2, 4, None)
    text = describe_flips(labels, flip_targets(labels))
    assert "Swiping Left <-> Swiping Right" in text and "never flipped: Left turn" in text


def test_flips_of_jester():
    labels = (
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
        "Swiping Up",
        "Copyright",
        "Leftover",
    )
    assert flip_targets(labels) == (1, 0, 2, 3, 4)


@pytest.mark.parametrize(
    ("labels", "targets"),
    [
        (
            (
                "Turn left hand clockwise",
                "Turn right hand clockwise",
                "Turn right hand anti-clockwise",
            ),
            (2, None, 0),
        ),
        (("from left to right", "from right to left", "left-to-right"), (1, 0, None)),
        (("SwipeLeft", "SwipeRight", "TurnCounterClockwise", "TurnClockwise"), (1, 0, 3, 2)),
        (("left 2 fingers", "left 3 fingers", "right 2 fingers", "right 3 fingers"), (2, 3, 0, 1)),
        (("LEFT2", "right2", "upright", "clockwork"), (1, 0, 2, 3)),
        (("Nach links", "Geste à gauche", "手を左"), (0, 1, 2)),
    ],
)
def test_flip_pairs(labels, targets):
    assert flip_targets(labels) == targets


def test_a_file_overrides_the_flips(tmp_path):
    labels = ("Wave left", "Wave right", "Point here", "Point there", "Writing")
    path = tmp_path / "flips.json"
    path.write_text('{"Point here": "Point there", "Writing": null}')
    assert read_flip_targets(path, labels) == (1, 0, 3, 2, None)
    for text, part in (
        ("left <-> right", "JSON object"),
        ("3", "JSON object"),
        ('{"Wave": "Wave left"}', "must name classes"),
        ('{"Wave left": "Writing"}', "pair 'Wave right'"),
    ):
        path.write_text(text)
        with refuses("flips", part):
            read_flip_targets(path, labels)
    with pytest.raises(MissingFile, match="`flips`"):
        read_flip_targets(tmp_path / "gone.json", labels)
