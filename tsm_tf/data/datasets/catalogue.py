"""Public data sets that are known by their class names."""

import hashlib
import re

_SYMMETRIC = {
    "107094c33ef4ec0a": "Kinetics-400",
    "ba5efe3c836f22f5": "UCF101",
    "0f26c4be54634b54": "HMDB51",
}
"""Digest of the class names -> data set, for those in which a mirrored video keeps its class."""


def find_symmetric_data_set(labels: tuple[str, ...]) -> str | None:
    """Returns the data set that has exactly these classes, if none of them has a side.

    The classes may be in any order, and spelled with spaces, underscores, or capitals.
    """
    return _SYMMETRIC.get(_digest(labels))


def _digest(labels):
    names = sorted(re.sub(r"[^a-z0-9]", "", label.lower()) for label in labels)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
