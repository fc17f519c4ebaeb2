"""Compares the frames of a clip: temporal relation networks (Zhou et al., the paper's Table 2)."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tsm_tf.errors import InputError
from tsm_tf.layers.part import part
from tsm_tf.relations import PER_SCALE, TRN, TRN_MULTISCALE, all_relations, check_consensus, scales

FRAME_FEATURES = 256
"""Features per frame that the relations take; `img_feature_dim` in the original."""

_UNITS = {TRN: 512, TRN_MULTISCALE: 256}


@keras.saving.register_keras_serializable(package="tsm_tf")
class TemporalRelation(keras.layers.Layer):
    """Maps the features of a clip's frames to logits by comparing frames in order.

    `"trn"` is `RelationModule` in TRN-pytorch: a network with one hidden layer on all frames.
    `"trn_multiscale"` is `RelationModuleMultiScale`: one such network for each number of frames
    from 2 to T; the logits are the sum over one relation of all frames and three of each smaller
    number. In training, these three are drawn at random in every call, once for the whole batch.
    In evaluation, where the original draws too, they are fixed. Sublayers have the official names
    with `_` for `.`: `classifier_1`, or `fc_fusion_scales_0_1`, where 0 stands for all frames.

    Args:
        num_segments: frames per clip, T.
        num_classes: size of the logits, K.
        consensus: `"trn"` or `"trn_multiscale"`.
        relations: for `"trn_multiscale"`, the frame numbers of the relations in evaluation; see
            `ModelSpec`. None for the default ones.

    Call arguments:
        inputs: `[N*T, C]`, the frames of each clip next to each other.

    Returns:
        `[N, K]`.

    Raises:
        InputError: see `check_consensus`.
    """

    def __init__(
        self,
        num_segments: int,
        num_classes: int,
        consensus: str = TRN_MULTISCALE,
        relations: Sequence[Sequence[int]] | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if consensus not in _UNITS:
            raise InputError("consensus", f"must be one of {', '.join(_UNITS)}", consensus)
        self.relations = check_consensus(consensus, relations, num_segments)
        self.num_segments = num_segments
        self.num_classes = num_classes
        self.consensus = consensus
        self.seed_generator = keras.random.SeedGenerator() if self.relations else None

    def build(self, input_shape):
        prefixes = ["classifier"]
        if self.consensus == TRN_MULTISCALE:
            prefixes = [f"fc_fusion_scales_{i}" for i in range(self.num_segments - 1)]
        sizes = [self.num_segments, *scales(self.num_segments)][: len(prefixes)]

        units = _UNITS[self.consensus]
        self.hidden = [self._dense(units, f"{prefix}_1") for prefix in prefixes]
        self.logits = [self._dense(self.num_classes, f"{prefix}_3") for prefix in prefixes]
        for hidden, logits, size in zip(self.hidden, self.logits, sizes, strict=True):
            hidden.build((None, size * input_shape[-1]))
            logits.build((None, units))

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        """Returns a dense layer that starts as PyTorch's linear layers do."""
        start = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        return keras.layers.Dense(
            units, kernel_initializer=start, name=name, dtype=self.dtype_policy
        )

    def call(self, inputs, training=None):
        return ops.sum(self.relation_logits(inputs, training), axis=0)

    def relation_logits(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the terms of the logits, `[relations, N, K]`: all frames first."""
        clips = ops.reshape(inputs, (-1, self.num_segments * inputs.shape[-1]))
        clips = ops.relu(clips)
        terms = [self._compare(0, [clips])]
        for i, scale in enumerate(scales(self.num_segments), 1):
            if i < len(self.hidden):
                choose = self._draw if training else self._fixed
                terms.append(self._compare(i, choose(clips, scale)))
        return ops.concatenate(terms, axis=0)

    def _compare(self, index: int, groups: list) -> Any:
        """Returns logits `[groups, N, K]` for groups of frames, each `[N, frames * C]`."""
        rows = ops.concatenate(groups, axis=0) if len(groups) > 1 else groups[0]
        logits = self.logits[index](ops.relu(self.hidden[index](rows)))
        return ops.reshape(logits, (len(groups), -1, self.num_classes))

    def _fixed(self, clips: Any, scale: int) -> list:
        size = clips.shape[-1] // self.num_segments
        frames = [part(clips, -1, t * size, size) for t in range(self.num_segments)]
        return [
            ops.concatenate([frames[t] for t in relation], axis=-1)
            for relation in self.relations
            if len(relation) == scale
        ]

    def _draw(self, clips: Any, scale: int) -> list:
        """Returns three groups of frames, drawn without replacement."""
        table = np.array(list(all_relations(self.num_segments, scale)), np.int32)
        scores = keras.random.uniform((len(table),), seed=self.seed_generator)
        drawn = ops.take(ops.convert_to_tensor(table), ops.top_k(scores, PER_SCALE)[1], axis=0)

        frames = ops.reshape(clips, (-1, self.num_segments, clips.shape[-1] // self.num_segments))
        groups = [ops.take(frames, drawn[i], axis=1) for i in range(PER_SCALE)]
        return [ops.reshape(x, (-1, scale * frames.shape[-1])) for x in groups]

    def compute_output_shape(self, input_shape):
        clips = None if input_shape[0] is None else input_shape[0] // self.num_segments
        return (clips, self.num_classes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "num_classes": self.num_classes,
            "consensus": self.consensus,
            "relations": self.relations,
        }
