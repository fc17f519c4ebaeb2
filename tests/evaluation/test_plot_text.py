import matplotlib.figure
import pytest

from tsm_tf.evaluation.plot_text import drawable_names, plot_names, plot_text


def test_characters_that_the_font_lacks_are_left_out():
    names = ["left", "👍 up", "👎", "手を左", "ü ж", "costs $5 or $6"]
    shown = ["left", "up", "class 2", "class 3", "ü ж", r"costs \$5 or \$6"]
    assert plot_names(names) == shown
    assert drawable_names(names) == [*shown[:-1], "costs $5 or $6"]
    assert plot_text("two\nlines 👍") == "two\nlines "


@pytest.mark.parametrize(
    "name", ["👍", "手", "a\x00b\x1b[31m", "$x^", "$\\bad{$", "\ud800", "\u202e"]
)
def test_no_name_causes_a_warning_or_an_error(tmp_path, name):
    """Warnings are errors in these tests."""
    figure = matplotlib.figure.Figure()
    figure.subplots().set_xticks(range(2), plot_names([name, "other"]))
    figure.savefig(tmp_path / "plot.png")
