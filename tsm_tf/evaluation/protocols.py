"""Evaluation protocols: which clips and crops of a video are scored (paper, section 5.1.1)."""

import dataclasses
import re
import sys
from collections.abc import Sequence

import numpy as np

from tsm_tf.data.flips import flip_targets
from tsm_tf.data.views import DENSE, TWICE, Views
from tsm_tf.errors import InputError

_SOFTMAX = "_softmax"
_FULL = "_full"
_CUSTOM = re.compile(r"([a-z]+)_(\d{1,3})x(\d{1,2})(_full)?")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Which views of a video are scored, and what is averaged over them.

    Args:
        name: saved with the scores; see `find_protocol`.
        views: clips and crops per video.
        softmax: average probabilities. The official code averages logits, which is the default.
    """

    name: str
    views: Views = Views()  # noqa: RUF009 (frozen)
    softmax: bool = False


EFFICIENT = Protocol("efficient")
"""One clip of the segments' centre frames, centre crop."""

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EFFICIENT,
        Protocol("something_accurate", Views(2, 3, TWICE, full_resolution=True)),
        Protocol("kinetics_accurate", Views(10, 3, DENSE, full_resolution=True)),
        Protocol("ten_crop", Views(crops=10)),
    )
}
"""The protocols of the paper and of the official code, by name."""


def make_protocol(views: Views, softmax: bool = False) -> Protocol:
    """Returns the protocol with some views, named as in `PROTOCOLS` if they are there.

    Other names say what is scored: `dense_5x3_full` is five dense clips, and three crops of each at
    full resolution. A name ends in `_softmax` if probabilities are averaged.
    """
    names = [name for name, protocol in PROTOCOLS.items() if protocol.views == views]
    name = f"{views.sampling}_{views.clips}x{views.crops}" + _FULL * views.full_resolution
    return Protocol((names or [name])[0] + _SOFTMAX * softmax, views, softmax)


def find_protocol(name: str) -> Protocol:
    """Returns the protocol with a name from `make_protocol`.

    Raises:
        InputError: there is no such protocol.
    """
    base = name.removesuffix(_SOFTMAX)
    softmax = base != name
    if base in PROTOCOLS:
        return make_protocol(PROTOCOLS[base].views, softmax)

    rule = f"must be one of {', '.join(PROTOCOLS)}, or like dense_5x3_full"
    match = _CUSTOM.fullmatch(base)
    if match is None:
        raise InputError("protocol", rule, name)
    sampling, clips, crops, full = match.groups()
    return make_protocol(Views(int(clips), int(crops), sampling, bool(full)), softmax)


def warn_of_mirror_images(protocol: Protocol, labels: Sequence[str]) -> None:
    """Prints a warning if mirrored crops would show other classes, such as `Swiping Left`."""
    targets = enumerate(flip_targets(tuple(labels)))
    sided = next((index for index, target in targets if target != index), None)
    if protocol.views.crops == 10 and sided is not None:
        line = (
            "warning: 10 crops are 5 and their mirror images, but a mirrored "
            f"{labels[sided]!r} shows another class"
        )
        print(line, file=sys.stderr, flush=True)


def mean_logits(
    logits: np.ndarray,
    softmax: bool = False,
    multi_label: bool = False,
) -> np.ndarray:
    """Returns the mean over the views of a video.

    Args:
        logits: `[..., views, num_classes]`.
        softmax: whether to average probabilities instead of logits.
        multi_label: whether a probability is the sigmoid of a logit, instead of the softmax over
            all classes.

    Returns:
        `float32 [..., num_classes]`: logits, whose softmax (or sigmoid) is the mean of the
        probabilities with `softmax`.
    """
    logits = np.asarray(logits, np.float64)
    if not softmax:
        return logits.mean(axis=-2).astype(np.float32)
    if multi_label:
        present, absent = (_mean_of_logs(-np.logaddexp(0, x)) for x in (-logits, logits))
        return (present - absent).astype(np.float32)
    shares = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return _mean_of_logs(shares).astype(np.float32)


def _mean_of_logs(values):
    """Returns the logarithm of the mean over the views of values that are given as logarithms."""
    return np.logaddexp.reduce(values, axis=-2) - np.log(values.shape[-2])
