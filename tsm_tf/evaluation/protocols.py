"""Evaluation protocols: which clips and crops of a video are scored (paper, section 5.1.1)."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Describes which views of a video are scored; its logits are averaged over them.

    Args:
        name: key in `PROTOCOLS`; saved with the scores.
        clips: clips per video.
        crops: crops per clip; one crop is the centre crop.
    """

    name: str
    clips: int = 1
    crops: int = 1


EFFICIENT = Protocol("efficient")
"""One clip of the segments' centre frames, centre crop."""

PROTOCOLS = {protocol.name: protocol for protocol in (EFFICIENT,)}
