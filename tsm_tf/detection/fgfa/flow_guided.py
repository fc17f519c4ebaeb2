"""Flow-guided feature aggregation as one layer, for training samples and for test windows."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsm_tf.detection.fgfa.aggregate import aggregate, similarity_weights
from tsm_tf.detection.fgfa.embedding import build_embedding
from tsm_tf.detection.fgfa.flownet import build_flownet
from tsm_tf.detection.fgfa.warp import Warp
from tsm_tf.detector_spec import DetectorSpec

AGGREGATION = "aggregation"
"""The layer's name in a detector."""


@keras.saving.register_keras_serializable(package="tsm_tf")
class FlowGuidedAggregation(keras.layers.Layer):
    """Replaces a frame's features by those of other frames, warped to it along optical flow.

    As in the official training code, only the other frames are aggregated. The current frame's
    embedding is the reference for their weights, and embeddings are computed after warping.

    Args:
        flownet: from `build_flownet`.
        embedding: from `build_embedding`.
        num_segments: frames per sample, the current frame first; 3 in the original.
        std: standard deviation per channel by which the images are divided, for values in 0..1.
            FlowNet's input is multiplied by it.
        channel_order: `"rgb"` or `"bgr"`, that of the images; FlowNet's input is RGB.

    Call arguments:
        inputs: normalised images `[B*T, H, W, 3]` and features `[B*T, h, w, C]`.

    Returns:
        Features of the current frames, `[B, h, w, C]`.
    """

    def __init__(
        self,
        flownet: keras.Model,
        embedding: keras.Model,
        num_segments: int = 3,
        std: Sequence[float] = (1 / 255, 1 / 255, 1 / 255),
        channel_order: str = "rgb",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.flownet, self.embedding = flownet, embedding
        self.num_segments, self.std, self.channel_order = num_segments, std, channel_order
        self.warp = Warp(dtype=self.dtype_policy, name="warp")

    def build(self, input_shape):
        """Nothing to create: both networks have their weights."""

    def call(self, inputs):
        images, features = (self._by_sample(x) for x in inputs)
        images, others = images[:, :1], images[:, 1:]
        current = ops.repeat(images, self.num_segments - 1, axis=1)
        flow = self.flow(_merge(current), _merge(others))

        warped = self.warp([_merge(features[:, 1:]), flow])
        embeddings = self._split(self.embedding(warped))
        weights = similarity_weights(embeddings, self.embedding(features[:, 0]))
        return aggregate(self._split(warped), weights)

    def _by_sample(self, x):
        return ops.reshape(x, (-1, self.num_segments, *x.shape[1:]))

    def _split(self, x):
        return ops.reshape(x, (-1, self.num_segments - 1, *x.shape[1:]))

    def flow(self, current: Any, other: Any) -> Any:
        """Returns the flow `[N, h, w, 2]` from current to other normalised images."""
        return self.flownet([self._for_flownet(current), self._for_flownet(other)])

    def _for_flownet(self, images):
        std = self.std if self.channel_order == "rgb" else self.std[::-1]
        images = ops.multiply(images, ops.convert_to_tensor(std, dtype=images.dtype))
        return images if self.channel_order == "rgb" else ops.flip(images, axis=-1)

    def of_window(self, images: Any, features: Any, embeddings: Any) -> Any:
        """Returns the features of the middle frame of a window, `[1, h, w, C]`.

        As in the official test code, all frames are aggregated, the middle one as well. Their
        embeddings, computed once per frame, are warped like the features; the reference is the
        middle frame's, warped by its flow to itself.

        Args:
            images: normalised images `[K, H, W, 3]`, K odd.
            features: `[K, h, w, C]`.
            embeddings: `[K, h, w, E]`.
        """
        middle, channels = images.shape[0] // 2, features.shape[-1]
        flow = self.flow(ops.broadcast_to(images[middle], images.shape), images)

        warped = self.warp([ops.concatenate([features, embeddings], axis=-1), flow])
        warped = ops.expand_dims(warped, 0)
        features, embeddings = warped[..., :channels], warped[..., channels:]
        weights = similarity_weights(embeddings, embeddings[:, middle])
        return aggregate(features, weights)

    def compute_output_shape(self, input_shape):
        batch, *shape = input_shape[1]
        return (None if batch is None else batch // self.num_segments, *shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "flownet": keras.saving.serialize_keras_object(self.flownet),
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "num_segments": self.num_segments,
            "std": list(self.std),
            "channel_order": self.channel_order,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FlowGuidedAggregation":
        for name in ("flownet", "embedding"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def flow_guided_aggregation(spec: DetectorSpec) -> FlowGuidedAggregation:
    """Returns the layer for a detector, with fresh weights.

    Args:
        spec: with the method `"fgfa"`.
    """
    height, width = spec.map_size
    return FlowGuidedAggregation(
        build_flownet(
            spec.input_height,
            spec.input_width,
            spec.feature_stride,
            spec.flow_channels,
        ),
        build_embedding(height, width, spec.detector_channels),
        num_segments=spec.num_segments,
        std=spec.std,
        channel_order=spec.channel_order,
        name=AGGREGATION,
    )


def aggregation_layers(layer: FlowGuidedAggregation) -> frozenset[str]:
    """Returns the names of the layers with FGFA's own weights."""
    networks = (layer.flownet, layer.embedding)
    return frozenset(x.name for network in networks for x in network.layers if x.weights)


def _merge(x: Any) -> Any:
    """Joins the first two axes."""
    return ops.reshape(x, (-1, *x.shape[2:]))
