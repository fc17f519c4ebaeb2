import jinja2
import pytest

from tsm_tf.html_page import render_page


@pytest.fixture
def template(tmp_path):
    def write(text):
        path = tmp_path / "page.html.jinja"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_values_are_escaped(template):
    assert render_page(template("<b>{{ name }}</b>"), name="<ü>") == "<b>&lt;ü&gt;</b>"


def test_percent(template):
    page = template("{{ a | percent }} {{ b | percent }} {{ c | percent }}")
    assert render_page(page, a=0.12345, b=1, c=None) == "12.3% 100.0% –"


def test_a_missing_value_is_an_error(template):
    with pytest.raises(jinja2.UndefinedError, match="gone"):
        render_page(template("{{ gone }}"), name="x")
