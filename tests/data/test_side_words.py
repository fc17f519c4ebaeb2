import pytest
from jester import LABELS as JESTER
from public_labels import HMDB51, KINETICS400, UCF101

from tsm_tf.data.side_words import mirrored_names
from tsm_tf.data.synthetic.gestures import LABELS as GESTURES


@pytest.mark.parametrize(
    ("labels", "mirrored"),
    [
        (
            (
                "Turn left hand clockwise",
                "Turn right hand clockwise",
                "Turn right hand anti-clockwise",
            ),
            (2, None, 0),
        ),
        (("from left to right", "from right to left", "to the left"), (1, 0, None)),
        (("left 2 fingers", "left 3 fingers", "right 2 fingers", "right 3 fingers"), (2, 3, 0, 1)),
        # Case, separators, camel case, and words that run together.
        (("SwipeLeft", "SwipeRight", "TurnCounterClockwise", "TurnClockwise"), (1, 0, 3, 2)),
        (("swipeleft", "swiperight", "leftward", "rightward"), (1, 0, 3, 2)),
        (("LEFT2", "right2", "turn_ccw", "turn-cw"), (1, 0, 3, 2)),
        (("upleft", "upright", "downleft", "downright"), (1, 0, 3, 2)),
        (("LHand", "RHand", "kick lh", "kick rh"), (1, 0, 3, 2)),
        # Words with a side's letters, which are sides only if they make a pair.
        (("upright", "clockwork", "Copyright", "Leftover", "she blinks"), (0, 1, 2, 3, 4)),
        # A side without a partner, or with two.
        (("Left turn", "Stop"), (None, 1)),
        (("turn left", "turn right", "Turn_Right"), (None, None, None)),
        (("lefty", "turn sinister", "go westward"), (None, 1, None)),
        # Letters: directions, or an alphabet.
        (("swipe_L", "swipe_R", "swipe_U", "swipe_D"), (1, 0, 2, 3)),
        (("L", "R"), (1, 0)),
        (("letter_L", "letter_R", "letter_S"), (None, None, None)),
        (("Vitamin R", "a cup", "Plan A"), (None, 1, 2)),
        # Other languages.
        (("nach links", "nach rechts", "Linkskurve", "Rechtskurve"), (1, 0, 3, 2)),
        (
            ("linke Hand", "rechte Hand", "im Uhrzeigersinn", "gegen den Uhrzeigersinn"),
            (1, 0, 3, 2),
        ),
        (("Geste à gauche", "Geste à droite", "pied gauche", "pied droit"), (1, 0, 3, 2)),
        (("a la izquierda", "a la derecha", "à esquerda", "à direita"), (1, 0, 3, 2)),
        (("a sinistra", "a destra", "åt vänster", "åt höger"), (1, 0, 3, 2)),
        (("в лево", "в право", "слева", "справа"), (1, 0, 3, 2)),
        (("手を左", "手を右", "왼쪽", "오른쪽"), (1, 0, 3, 2)),
        (("sola", "sağa", "w lewo", "w prawo"), (1, 0, 3, 2)),
    ],
)
def test_mirrored_names(labels, mirrored):
    assert mirrored_names(labels) == mirrored


def test_gestures_and_jester_mirror_as_they_always_did():
    assert mirrored_names(GESTURES) == (1, 0, 2, 3, 4, 5, 7, 6, 8)
    swapped = {11: 12, 12: 11, 16: 17, 17: 16, 21: 22, 22: 21}
    assert mirrored_names(JESTER) == tuple(swapped.get(i, i) for i in range(27))


def test_pairs_of_something_something():
    """The only classes of version 2 with a side (by number 86, 87, 93, 94, 166, 167)."""
    labels = (
        "Pulling something from left to right",
        "Pulling something from right to left",
        "Pushing something from left to right",
        "Pushing something from right to left",
        "Turning the camera left while filming something",
        "Turning the camera right while filming something",
        "Turning something upside down",
        "Moving [something] and [something] so they pass each other",
    )
    assert mirrored_names(labels) == (1, 0, 3, 2, 5, 4, 6, 7)


@pytest.mark.parametrize("labels", [KINETICS400, UCF101, HMDB51], ids=len)
def test_data_sets_without_sides(labels):
    assert mirrored_names(labels) == tuple(range(len(labels)))
