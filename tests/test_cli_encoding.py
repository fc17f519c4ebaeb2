"""Covers `cli`: names on the command line that are not UTF-8."""

import sys

import pytest

from tsm_tf import cli


@pytest.mark.parametrize("name", ["x\udcff", "\udc80"])
def test_names_that_are_not_utf8_are_refused_in_one_line(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["command", f"--output={name}"])
    with pytest.raises(SystemExit) as ended:
        cli._guarded(lambda: pytest.fail("the command ran"), [])
    line = ended.value.code
    assert line.startswith("error: `arguments` must be text in UTF-8") and line.isprintable()


def test_other_names_are_accepted(monkeypatch):
    ran = []
    monkeypatch.setattr(sys, "argv", ["command", "--output=手/a:b/👍 ü"])
    cli._guarded(lambda: ran.append(True), [])
    assert ran
