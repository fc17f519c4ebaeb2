import pytest

from tsm_tf.errors import InputError, MissingFile, missing_extra, one_line


def test_an_error_names_argument_rule_and_value():
    error = InputError("num_segments", "must be a positive integer", 0)
    assert str(error) == "`num_segments` must be a positive integer. Received: 0"
    assert error.argument == "num_segments"


def test_an_error_is_one_printable_line_of_a_screen():
    error = InputError("data", "must not be a\nb\x1b[2J", "x\n" * 9999)
    assert str(error).isprintable() and len(str(error)) < 1200
    assert str(error).startswith("`data` must not be a\\nb\\x1b[2J. Received: 'x\\nx")
    assert error.received == "x\n" * 9999


def test_a_missing_file_is_both_kinds_of_error():
    with pytest.raises(FileNotFoundError) as raised:
        raise MissingFile("video", "must be an existing file", "a.mp4")
    assert isinstance(raised.value, InputError)
    assert str(raised.value) == "`video` must be an existing file. Received: 'a.mp4'"


def test_an_error_is_one_line_of_text_whatever_a_file_contains():
    error = InputError("labels", "must be known; a\nb\x1b[2J is not", "x" * 10_000)
    assert str(error).startswith("`labels` must be known; a\\nb\\x1b[2J is not. Received: 'xxx")
    assert len(str(error)) < 1200 and str(error).endswith("xx' (10,002 characters)")
    assert str(InputError("a", "must be text", "ü\n")) == "`a` must be text. Received: 'ü\\n'"


def test_another_error_is_quoted_in_one_line():
    assert one_line(ValueError("a\n\n  b\n")) == "a b"
    assert one_line(MemoryError()) == "MemoryError"
    assert len(one_line(ValueError("x" * 10_000))) < 1100


def test_the_smallest_extra_is_named_unless_another_is_wanted():
    missing = ModuleNotFoundError(name="av.video")
    assert "tsm-tf[live]" in missing_extra(missing)
    assert "tsm-tf[train]" in missing_extra(missing, wanted="train")
    assert "tsm-tf[live]" in missing_extra(missing, wanted="export")
    assert missing_extra(ModuleNotFoundError(name="something_else")) is None
