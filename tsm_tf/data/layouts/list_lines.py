"""Splits the lines of list files into a path and the numbers behind it.

A line is read from its end, so that a path may contain spaces without quotes. Where a path can be
read in several ways, such as `take 5 30 2`, `"a b.mp4" 3` or `left\\a.mp4 3`, all readings are
returned, and the caller takes the first that exists.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

SPACE, COMMA = " ", ","

_LABELS = re.compile(r"-?[0-9]{1,18}|[0-9]{1,18}(?:,[0-9]{1,18})+")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:e[+-]?[0-9]{1,3})?|[+-]?inf|nan",
    re.IGNORECASE,
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def split_numbers(line: str, separator: str, most: int) -> tuple[str, list[str]]:
    """Splits a line into a text and the numbers behind it.

    Args:
        line: without white space at its ends.
        separator: `SPACE` for any spaces and tabs, or `COMMA`.
        most: the largest number of numbers to split off.

    Returns:
        The text, which holds all that is before the numbers, and the numbers. The last of them is
        one class, or several with commas, which `COMMA` does not allow.
    """
    cuts = cut_numbers(line, separator, most)
    end = cuts[-1][0] if cuts else len(line)
    return line[:end], [number for _, number in reversed(cuts)]


def cut_numbers(line: str, separator: str, most: int) -> list[tuple[int, str]]:
    """Returns the numbers of a line from its end, and where the text before each ends."""
    rest, cuts = line.replace("\t", " "), []
    while len(cuts) < most:
        head, gap, last = rest.rpartition(separator)
        last = last.strip(" ")
        if not gap or not (_NUMBER if cuts else _LABELS).fullmatch(last):
            break
        rest = head.rstrip(" ")
        cuts.append((len(rest), last))
    return cuts


def readings(text: str) -> Iterator[str]:
    """Yields what a text may mean as a path, the most probable first.

    Quotes are those of a shell or of CSV, a backslash escapes a space, as in a shell, or divides
    folders, as on Windows. All of them may also be a part of a name.
    """
    if not any(sign in text for sign in "\"'\\"):
        yield text
        return

    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    inner = text[1:-1] if is_quoted else text
    if is_quoted and not any(sign in inner for sign in "\"'\\"):  # as below, but faster
        yield inner
        yield text
        return

    quoted = _shell_reading(text)

    if quoted is not None and text[0] in "\"'":
        yield quoted
    yield text
    if quoted is not None:
        yield quoted
    if is_quoted:
        yield inner.replace('""', '"')
    if "\\" in text:
        yield inner.replace("\\", "/")


def _shell_reading(text):
    """Returns the one word that a text is for a shell, or None."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return words[0] if len(words) == 1 else None


def parse_labels(text: str) -> tuple[int, ...]:
    """Returns the classes in a field such as `3` or `3,17`."""
    return tuple(map(int, text.split(",")))


def parse_integer(text: str) -> int:
    """Returns an integer.

    Raises:
        ValueError: it is not one in the usual digits, or has more than 18 of them.
    """
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def several_classes(numbers: Sequence[str]) -> tuple[int, ...]:
    """Returns the classes of a line that has them with spaces, as in MMAction2's lists.

    Raises:
        ValueError: they are not distinct numbers from 0.
    """
    classes = tuple(map(parse_integer, numbers))
    if not classes or min(classes) < 0 or len(set(classes)) < len(classes):
        raise ValueError(numbers)
    return classes
