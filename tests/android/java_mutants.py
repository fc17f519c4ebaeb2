"""Mutations of a model file for the Java tests, with Python's verdict on each.

One line per mutation: what was changed; `safe` or `refused`; the number of a source; and the pieces
of the file, such as `@0+96,ff00,@98+500`: 96 bytes of the source, two others, and the 500 bytes at
98. The sources are the model, and the model as the flatbuffers library writes it.
"""

from collections.abc import Iterator

import numpy as np
from mutants import KINDS, directed_mutants, random_mutant, repacked

from export.format.flatbuffer import Damaged
from export.format.metadata import CHECKSUM, NAME, seal
from export.format.reader import IDENTIFIER, parse_model
from export.format.verify import verify

_EVERY = 6  # of the directed mutations; the test of Python's runtime has all of them
_RANDOM = 150
_LONGEST = 300_000  # characters
_BLOCK, _ALIGNMENT = 16, 4  # bytes


def mutant_lines(content: bytes) -> Iterator[str]:
    """Yields the lines for a model."""
    rng, sources = np.random.default_rng(0), [Source(content), Source(repacked(content))]
    for kind, data in mutations(rng, content):
        verdict = "safe" if is_safe(data) else "refused"
        changes = (f"{number} {source.pieces(data)}" for number, source in enumerate(sources))
        change = min(changes, key=len)
        if len(change) < _LONGEST:  # a file with a million tables would take megabytes
            yield f"{kind.replace(' ', '_')} {verdict} {change}"


def mutations(rng: np.random.Generator, content: bytes) -> Iterator[tuple[str, bytes]]:
    for number in range(_RANDOM):
        kind = KINDS[number % len(KINDS)]
        yield kind.__name__, random_mutant(rng, content, kind)
    yield from directed_mutants(rng, content, instances=1, every=_EVERY)


def is_safe(data: bytes) -> bool:
    """Returns whether Python's runtime hands the file to an interpreter."""
    if data[4:8] != IDENTIFIER:
        return False
    try:
        model = parse_model(data)
        if not {NAME, CHECKSUM} <= model.metadata.keys() or model.metadata[CHECKSUM].size != 4:
            return False
        verify(model)
    except Damaged:
        return False
    return seal(data) == data


class Source:
    """A file from which mutations copy pieces."""

    def __init__(self, content: bytes):
        self._content = content
        self._places = {
            content[at : at + _BLOCK]: at for at in range(0, len(content) - _BLOCK + 1, _ALIGNMENT)
        }

    def pieces(self, data: bytes) -> str:
        """Returns the pieces of a file."""
        pieces, literal, at = [], 0, 0
        while at < len(data):
            place = self._places.get(data[at : at + _BLOCK])
            if place is None:
                at += _ALIGNMENT
                continue

            length = self._equal_bytes(data, at, place)
            pieces += [data[literal:at].hex(), f"@{place}+{length}"]
            at += length
            literal = at
        return ",".join(piece for piece in (*pieces, data[literal:].hex()) if piece) or "-"

    def _equal_bytes(self, data, at, place):
        """Returns how many bytes are equal from there on, in whole words."""
        ones = np.frombuffer(data, np.uint8)[at:]
        others = np.frombuffer(self._content, np.uint8)[place:]
        length = min(len(ones), len(others))
        different = ones[:length] != others[:length]
        length = int(different.argmax()) if different.any() else length
        return length // _ALIGNMENT * _ALIGNMENT
