"""How the frames of a clip become one prediction, and which frames TRN compares (Zhou et al.)."""

import itertools
import math
from collections.abc import Iterable, Iterator

from tsm_tf.errors import InputError

AVERAGE, TRN, TRN_MULTISCALE = CONSENSUS = ("average", "trn", "trn_multiscale")

PER_SCALE = 3
"""Relations of each smaller scale, as in the original."""

MOST_SEGMENTS = 16
"""The most segments of TRN-multiscale; the number of possible relations doubles with each."""

Relations = tuple[tuple[int, ...], ...]


def scales(num_segments: int) -> range:
    """Returns the numbers of frames that a relation with fewer than all frames may have."""
    return range(num_segments - 1, 1, -1)


def all_relations(num_segments: int, scale: int) -> Iterator[tuple[int, ...]]:
    """Returns all choices of `scale` frames, in the order in which the original numbers them."""
    return itertools.combinations(range(num_segments), scale)


def default_relations(num_segments: int) -> Relations:
    """Returns three relations of each scale, the largest first, as frame numbers from 0.

    Of the `n` relations of a scale in the original's order, these are numbers `n // 6`, `n // 2`
    and `5 * n // 6`. The original draws them in every pass, so it has no fixed choice.
    """
    chosen = []
    for scale in scales(num_segments):
        count = math.comb(num_segments, scale)
        for place in range(PER_SCALE):
            number = (2 * place + 1) * count // (2 * PER_SCALE)
            candidates = all_relations(num_segments, scale)
            chosen.append(next(itertools.islice(candidates, number, None)))
    return tuple(chosen)


def check_consensus(
    consensus: str,
    relations: Iterable[Iterable[int]] | None,
    num_segments: int,
    takes_clips: bool = False,
    temporal_pool: bool = False,
) -> Relations:
    """Returns the relations of a spec: the given ones, or the default ones.

    Args:
        consensus: one of `CONSENSUS`.
        relations: see `ModelSpec`, as the others; None or nothing for the default.
        num_segments: frames per clip.
        takes_clips: whether the network sees whole clips.
        temporal_pool: whether the number of segments is halved.

    Raises:
        InputError: a consensus that the network cannot have, or relations that are not three
            different choices of frames for each scale.
    """
    if not isinstance(consensus, str) or consensus not in CONSENSUS:
        raise InputError("consensus", f"must be one of {', '.join(CONSENSUS)}", consensus)
    if consensus != AVERAGE:
        if takes_clips:
            rule = f"must be {AVERAGE} for a network of clips, which has one prediction per clip"
            raise InputError("consensus", rule, consensus)
        if temporal_pool:
            raise InputError("temporal_pool", f"must be false with {consensus}", True)
        if num_segments < 2:
            rule = f"must be at least 2 with {consensus}, which compares frames"
            raise InputError("num_segments", rule, num_segments)

    given = _tuples(relations)
    if consensus != TRN_MULTISCALE:
        if given:
            raise InputError("relations", f"must be None without {TRN_MULTISCALE}", relations)
        return ()
    if num_segments > MOST_SEGMENTS:
        rule = f"must be at most {MOST_SEGMENTS} with {TRN_MULTISCALE}"
        raise InputError("num_segments", rule, num_segments)
    if not given:
        return default_relations(num_segments)

    if not _are_complete(given, num_segments):
        rule = (
            f"must be {PER_SCALE} different lists of each of {num_segments - 1} to 2 rising frame "
            f"numbers, the longest first, each from 0 to {num_segments - 1}"
        )
        raise InputError("relations", rule, relations)
    return given


def _are_complete(relations: Relations, num_segments: int) -> bool:
    lengths = [scale for scale in scales(num_segments) for _ in range(PER_SCALE)]
    frames = set(range(num_segments))
    are_rising = all(
        all(isinstance(x, int) for x in relation)
        and set(relation) <= frames
        and sorted(set(relation)) == list(relation)
        for relation in relations
    )
    are_distinct = len(set(relations)) == len(relations)
    return [len(x) for x in relations] == lengths and are_rising and are_distinct


def _tuples(relations) -> Relations:
    try:
        return tuple(tuple(relation) for relation in relations or ())
    except TypeError:
        raise InputError("relations", "must be lists of frame numbers or None", relations) from None
