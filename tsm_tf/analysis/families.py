"""The kinds of networks that the paper compares, such as TSN, TSM, TRN and I3D."""

from tsm_tf.catalogue import find_architecture
from tsm_tf.relations import AVERAGE
from tsm_tf.spec import ModelSpec


def family(spec: ModelSpec) -> str:
    """Returns the kind of a network.

    Networks of clips have theirs in the catalogue. Networks of frames are TRN if they compare
    frames by temporal relations. Otherwise they are TSM with a shift, and TSN without one.
    """
    if spec.takes_clips:
        return find_architecture(spec.backbone).family
    if spec.consensus != AVERAGE:
        return "TRN"
    return "TSN" if spec.shift_mode == "none" else "TSM"
