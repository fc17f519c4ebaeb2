import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from tsm_tf.evaluation.confusion import confused_pairs, most_confused, plot_confusion

COUNTS = np.array([[8, 2, 0, 0], [0, 3, 2, 0], [0, 5, 4, 1], [0, 0, 0, 7]])
LONG = "Pretending to put [something] onto [something], but failing because it is not there"


def test_pairs_by_hand():
    """Two of five videos come before two of ten."""
    assert [list(pair.values()) for pair in confused_pairs(COUNTS, "abcd")] == [
        ["c", "b", 5, 0.5],
        ["b", "c", 2, 0.4],
        ["a", "b", 2, 0.2],
        ["c", "d", 1, 0.1],
    ]
    assert confused_pairs(np.diag([3, 0, 1]), "abc") == []


def test_classes_are_ordered_by_their_pairs():
    assert most_confused(COUNTS, 4) == [2, 1, 0, 3]
    assert most_confused(COUNTS, 2) == [2, 1]
    assert most_confused(np.diag([3, 0, 9]), 3) == [2, 0, 1]  # without mistakes: most videos first


@pytest.fixture
def picture(tmp_path):
    def plot(confusion, classes):
        plot_confusion(confusion, classes, "title", tmp_path / "a.png")
        return matplotlib.image.imread(tmp_path / "a.png")

    return plot


def test_the_picture_shows_shares_of_each_true_class(picture):
    counts = np.array([[8, 0], [1, 1]])
    shown = picture(counts, ("a", "b"))
    assert (shown == picture(counts * [[3], [1]], ("a", "b"))).all()
    other = picture(counts[::-1], ("a", "b"))
    assert shown.shape == other.shape and (shown != other).any()


def test_a_class_without_videos_has_an_empty_row(picture):
    """The cell of nothing has the same colour as that of 0%."""
    shown = picture(np.array([[0, 0], [1, 1]]), ("a", "b"))
    assert shown.shape[0] > 100 and (shown[..., :3] < 1).any()


def test_a_picture_stays_small_whatever_the_number_and_length_of_names(picture):
    """400 classes at the size of a cell would be 20,000 pixels wide."""
    confusion = np.random.default_rng(0).poisson(0.2, (400, 400)) + 9 * np.eye(400, dtype=int)
    names = [LONG, "x" * 200, "日本 👋", "$x^", "a\nb"]
    shown = picture(confusion, [f"{names[i % 5]} {i}" for i in range(400)])
    assert max(shown.shape[:2]) < 3000


def test_many_classes_without_mistakes(picture):
    assert picture(np.eye(31, dtype=int), [f"c{i}" for i in range(31)]).shape[1] > 1000


def test_of_many_classes_the_most_confused_are_shown(monkeypatch, tmp_path):
    drawn = []

    def keep(figure, path, **_):
        drawn.append(figure)
        path.touch()

    monkeypatch.setattr(Figure, "savefig", keep)
    confusion = 100 * np.eye(60, dtype=int)
    for i in range(0, 40, 2):
        confusion[i, i + 1] = 50 - i
    confusion[0, 58] = 5
    plot_confusion(confusion, [f"name {i}" for i in range(60)], "title", tmp_path / "a.png")

    axes, table = drawn[0].axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown == [f"name {i}" for i in range(30)]
    assert [label.get_text() for label in axes.get_xticklabels()] == [*shown, "(other classes)"]
    assert axes.get_title() == "title; the 30 most confused of 60 classes"
    cells = axes.images[0].get_array()
    np.testing.assert_allclose(cells.sum(axis=1), 1)
    assert cells[0, [0, 1, 30]].tolist() == pytest.approx([100 / 155, 50 / 155, 5 / 155])

    texts = [text.get_text() for text in table.texts]
    assert texts[:2] == ["50\n32%", "name 0\n→ name 1"]
    assert len(texts) == 2 * 20
