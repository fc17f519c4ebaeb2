"""Renders HTML pages from Jinja templates."""

import pathlib

import jinja2


def render_page(template: pathlib.Path, **values: object) -> str:
    """Returns the HTML of a template.

    Values are escaped, and a name without a value is an error. The filter `percent` shows a share
    in 0..1 with one decimal, and None as a dash.
    """
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(template.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    return environment.get_template(template.name).render(values)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
