"""Combines the logits of frames into the logits of clips."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError

_KINDS = ("average", "identity")


@keras.saving.register_keras_serializable(package="tsm_tf")
class SegmentConsensus(keras.layers.Layer):
    """Averages the logits of each clip's frames, without a softmax.

    Section 4.1; `ConsensusModule` in the official code.

    Args:
        num_segments: frames per clip, T.
        consensus: `"average"`, or `"identity"` to keep the frames apart.

    Call arguments:
        inputs: `[N*T, K]`, the frames of each clip next to each other.

    Returns:
        `[N, K]`, or `[N, T, K]` for `"identity"`.

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(self, num_segments: int, consensus: str = "average", **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_segments, int) or num_segments < 1:
            raise InputError("num_segments", "must be a positive integer", num_segments)
        if consensus not in _KINDS:
            raise InputError("consensus", f"must be one of {', '.join(_KINDS)}", consensus)
        self.num_segments = num_segments
        self.consensus = consensus

    def call(self, inputs):
        frames = ops.reshape(inputs, (-1, self.num_segments, inputs.shape[-1]))
        return ops.mean(frames, axis=1) if self.consensus == "average" else frames

    def compute_output_shape(self, input_shape):
        clips = None if input_shape[0] is None else input_shape[0] // self.num_segments
        time = () if self.consensus == "average" else (self.num_segments,)
        return (clips, *time, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "consensus": self.consensus,
        }
