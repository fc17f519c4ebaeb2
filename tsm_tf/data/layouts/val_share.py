"""Splits the videos of a class into training and validation, without dividing a source.

Clips that were cut from one film resemble each other. With some of them in training and others in
validation, accuracy would be that of recognising the film.
"""

import collections
import hashlib
import re
from collections.abc import Sequence

_GROUPS = (
    # UCF101: v_ApplyEyeMakeup_g01_c03
    re.compile(r"(.*_g\d+)_c\d+", re.IGNORECASE),
    # Kinetics: the YouTube id, of 11 characters, with start and end
    re.compile(r"([\w-]{11})_\d{6}_\d{6}"),
    # HMDB51: source_class_parts_camera_people_view_quality_number
    re.compile(r"(.*)_[fhlu]_[cn]m_np\d_(?:ba|fr|le|ri)_(?:bad|med|goo)_\d+"),
)
"""Names that tell which videos are from one source."""

_CLIP = re.compile(
    r"(.*[^\W\d_].*?)[ _.-]*(?:clip|part|seg|segment|scene|shot|c|p|s)?[ _.-]*\d+", re.I
)
"""A name with a letter, and the number of a clip."""


def choose_validation(names: Sequence[str], share: float) -> frozenset[str]:
    """Returns which videos of a class are for validation.

    The choice depends only on the names. It stays mostly the same when videos are added. Names
    with one group, such as UCF101's `_g01_`, or with one prefix before the number of a clip, stay
    together, unless all names have one prefix.

    Args:
        names: file names without suffixes, each once.
        share: share to choose, in (0, 1). At least one video is chosen if there are two groups,
            and at least one is left.
    """
    groups = _groups(sorted(names))
    wanted, chosen = share * len(names), []
    for group in groups[:-1]:
        if abs(len(chosen) + len(group) - wanted) <= abs(len(chosen) - wanted):
            chosen += group

    if not chosen and len(groups) > 1:
        chosen = min(groups, key=len)
    return frozenset(chosen)


def _groups(names) -> list[list[str]]:
    """Returns groups of names, in an order that has nothing to do with the names."""
    groups = _group(names, lambda name: next(_matches(name, _GROUPS), None) or name)
    if len(groups) == len(names):
        groups = _group(names, lambda name: next(_matches(name, (_CLIP,)), None) or name)
        if len(groups) == 1:
            groups = {name: [name] for name in names}
    return [groups[key] for key in sorted(groups, key=_hash)]


def _group(names, key) -> dict[str, list[str]]:
    groups = collections.defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return dict(groups)


def _matches(name, patterns):
    return (match[1] for pattern in patterns if (match := pattern.fullmatch(name)))


def _hash(name):
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
