"""How shards are made."""

import dataclasses

from tsm_tf.errors import InputError
from tsm_tf.spec import CHANNELS

ENCODINGS = ("jpeg", "original")
MAX_SHORT_SIDE = 4096


@dataclasses.dataclass(frozen=True)
class Settings:
    """How shards are made.

    Args:
        encode: `"jpeg"` stores frames, `"original"` the files as they are: videos, or images of
            optical flow.
        quality: quality of the JPEG frames, 1 to 100.
        short_side: pixels of the shorter side of the JPEG frames.
        frames: number of frames to store per video, evenly spaced; 0 stores all frames.
        shard_mib: about how large a shard is, in MiB.
        modality: what the data show, `"rgb"` or `"flow"`.

    Raises:
        InputError: a value out of range, a number of frames of original files, or optical flow
            other than original.
    """

    encode: str = "jpeg"
    quality: int = 85
    short_side: int = 256
    frames: int = 0
    shard_mib: int = 256
    modality: str = "rgb"

    def __post_init__(self):
        if self.encode not in ENCODINGS:
            rule = f"must be one of {', '.join(ENCODINGS)}"
            raise InputError("encode", rule, self.encode)
        if self.modality not in CHANNELS:
            raise InputError("modality", f"must be one of {', '.join(CHANNELS)}", self.modality)
        if self.modality == "flow" and self.encode != "original":
            rule = "must be original for optical flow, which is stored as JPEG already"
            raise InputError("encode", rule, self.encode)

        ranges = {
            "quality": (1, 100),
            "short_side": (8, MAX_SHORT_SIDE),
            "frames": (0, 2**31),
            "shard_mib": (1, 2**20),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise InputError(name, f"must be an integer from {low} to {high}", value)

        if self.frames and self.encode == "original":
            rule = "must be all, because original files are stored whole; or use --encode=jpeg"
            raise InputError("frames", rule, self.frames)
