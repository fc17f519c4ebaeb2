"""Errors for bad input: one line that names the argument, the rule, and what was received."""

import contextlib
from collections.abc import Iterator

EXTRAS_OF_MODULE = {
    "tensorflow": ("train", "export", "shards"),
    "keras": ("train", "export", "jax", "torch"),
    "sklearn": ("train",),
    "safetensors": ("train", "jax", "torch"),
    "av": ("live", "train", "shards"),
    "cv2": ("live", "train", "shards"),
    "PIL": ("live",),
    "matplotlib": ("live", "export", "train"),
    "ai_edge_litert": ("live",),
    "jinja2": ("export",),
    "flatbuffers": ("export",),
    "litert_quantizer": ("export",),
    "torch": ("torch",),
    "apache_beam": ("shards",),
}
"""The extras in setup.cfg that install each third-party module, the smallest first."""

_MAX_SHOWN = 1000  # characters of a value in an error


class InputError(ValueError):
    """Input that breaks a rule, rejected before work starts.

    Args:
        argument: name of the argument, flag, key or file that is wrong.
        rule: what must hold, phrased as the rest of a sentence that starts with the argument.
        received: the value that was given; shown with `repr`.

    Example:
        >>> raise InputError("num_segments", "must be a positive integer", 0)
        InputError: `num_segments` must be a positive integer. Received: 0
    """

    def __init__(self, argument: str, rule: str, received: object):
        line = f"`{argument}` {rule}. Received: {shorten(repr(received))}"
        super().__init__("".join(map(_printable, line)))
        self.argument, self.rule, self.received = argument, rule, received


def shorten(text: str) -> str:
    """Returns a text with its middle left out if it is too long for a line on a screen."""
    if len(text) <= _MAX_SHOWN:
        return text
    half = _MAX_SHOWN // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text):,} characters)"


def _printable(character: str) -> str:
    """Escapes line breaks and control characters, which names of files may have."""
    return character if character.isprintable() else repr(character)[1:-1]


class MissingFile(InputError, FileNotFoundError):
    """A file or folder that must exist and does not; also a `FileNotFoundError`."""


def one_line(error: BaseException) -> str:
    """Returns another error's message in one line, shortened, to quote it in a rule."""
    return shorten(" ".join(str(error).split()) or type(error).__name__)


def missing_extra(error: ImportError, wanted: str | None = None) -> str | None:
    """Returns one line that names the extra to install, or None if no extra has the module.

    Args:
        error: what the import raised.
        wanted: extra to name if it has the module, rather than the smallest one that has it.
    """
    module = (error.name or "").partition(".")[0]
    extras = EXTRAS_OF_MODULE.get(module)
    if extras is None:
        return None
    extra = wanted if wanted in extras else extras[0]
    return f"the module `{module}` is not installed: pip install 'tsm-tf[{extra}]'"


@contextlib.contextmanager
def naming(argument: str) -> Iterator[None]:
    """Context manager that gives input errors the name of the caller's argument.

    A function that loads a checkpoint calls its argument `checkpoint`; the flag may be `--init`.
    """
    try:
        yield
    except InputError as error:
        raise type(error)(argument, error.rule, error.received) from error.__cause__
