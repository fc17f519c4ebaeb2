"""The clip model: frames `[B, T, H, W, C]` in, logits out (paper, section 4.1)."""

from typing import Any

import keras

from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError, one_line
from tsm_tf.layers.consensus import SegmentConsensus
from tsm_tf.layers.non_local import NonLocal
from tsm_tf.layers.relation import TemporalRelation
from tsm_tf.layers.site import NON_LOCAL, SHIFT, TEMPORAL_POOL, Site
from tsm_tf.layers.temporal_pool import TemporalPool
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.boxes import check_boxes
from tsm_tf.models.frame_range import FrameRange
from tsm_tf.models.graph import call_again, replay
from tsm_tf.models.network import CONSENSUS, Network, boxes_input, build_network, forget_network
from tsm_tf.models.preprocessing import PrepareFrames, find_preparation
from tsm_tf.models.stream import StreamModel, build_stream_model
from tsm_tf.relations import AVERAGE
from tsm_tf.spec import ModelSpec


@keras.saving.register_keras_serializable(package="tsm_tf")
class ClipModel(keras.Model):
    """A functional model from clips to logits that knows its spec.

    `build_model`, `load_checkpoint` and `retrofit` return one. It keeps its spec when Keras saves,
    loads, clones or copies it, and can then still stream, be saved as a checkpoint, and be
    exported.

    Example:
        >>> model = tsm_tf.build_model(tsm_tf.ModelSpec(num_classes=9))
        >>> model.save("clip.keras")
        >>> keras.models.load_model("clip.keras").stream()  # after `import tsm_tf`
    """

    # The constructor is that of a functional model, so Keras can rebuild the model by itself.
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self._frame_range = FrameRange()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            check_boxes(args[0], self.spec)
            if self._takes_pixels():
                self._frame_range.check(args[0])
        return super().__call__(*args, **kwargs)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().fit(self._watch(x), *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().evaluate(self._watch(x), *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return super().predict(self._watch(x), *args, **kwargs)

    def _watch(self, x):
        if isinstance(x, (list, tuple)) or hasattr(x, "dtype"):
            check_boxes(x, self.spec)
        return self._frame_range.watch(x) if self._takes_pixels() else x

    def _takes_pixels(self):
        return find_preparation(self).normalise

    @property
    def spec(self) -> ModelSpec:
        """What the model was built from. `thresholds`, on which no layer depends, can be set."""
        return find_preparation(self).spec

    @spec.setter
    def spec(self, spec: ModelSpec) -> None:
        if spec.replace(thresholds=self.spec.thresholds) != self.spec:
            raise InputError("spec", "must differ from the model's in thresholds only", spec)
        find_preparation(self).spec = spec

    @property
    def receptive_field(self) -> int:
        """Number of frames that can influence the logits of one frame.

        With a unidirectional shift, it is the number of shifts + 1: the frame and those before it,
        because each shift looks one frame back. Without a shift, it is 1. A bidirectional shift
        also looks one frame ahead, within the clip. Networks of clips, and models with non-local
        blocks, temporal pooling or temporal relations see the whole clip. If shifts are side by
        side in parallel branches, the number is an upper bound.
        """
        spec = self.spec
        needs_clip = spec.takes_clips or spec.consensus != AVERAGE
        if needs_clip or spec.non_local or spec.temporal_pool:
            return spec.num_segments
        num_shifts = sum(isinstance(layer, TemporalShift) for layer in self.layers)
        if spec.shift_mode == "bidirectional":
            return min(2 * num_shifts + 1, spec.num_segments)
        return num_shifts + 1

    def stream(self, batch_size: int | None = None, frames_per_step: int = 1) -> StreamModel:
        """Returns the model that takes one frame at a time, which shares the weights.

        Args:
            batch_size: number of streams side by side; None leaves it open, or is 1 for several
                frames per step.
            frames_per_step: number of consecutive frames in one call.

        Raises:
            InputError: see `build_stream_model`.
        """
        return build_stream_model(self, batch_size, frames_per_step=frames_per_step)

    def initial_state(self, batch_size: int = 1) -> dict[str, Any]:
        """Returns the caches of streams that have seen no frame: zeros, by name."""
        return self.stream().initial_state(batch_size)

    def per_frame(self, num_segments: int | None = None) -> "ClipModel":
        """Returns the model without the consensus, which shares the weights.

        Args:
            num_segments: frames of its clips; None keeps the model's.

        Returns:
            A model from `[B, T, H, W, C]` to logits `[B, T, num_classes]`; `T / 2` with temporal
            pooling.

        Raises:
            InputError: a number of segments that the spec cannot have, or another number for a
                model with non-local blocks.
        """
        spec = self.spec
        _check_per_frame(spec)
        new_spec = spec.replace(num_segments=num_segments or spec.num_segments)
        if new_spec != spec and spec.non_local:
            rule = f"must be {spec.num_segments}, because non-local blocks have a fixed length"
            raise InputError("num_segments", rule, num_segments)

        return self._replayed(new_spec, consensus="identity")

    def resized(self, input_size: int, crop_pct: float) -> "ClipModel":
        """Returns the model for frames of another size, which shares the weights.

        Args:
            input_size: height and width of its frames.
            crop_pct: see `ModelSpec`.

        Raises:
            InputError: a size that the spec cannot have, or a network with a layer that needs
                frames of one size, such as a dense layer on flattened feature maps.
        """
        spec = self.spec.replace(input_size=input_size, crop_pct=crop_pct)
        try:
            return self._replayed(spec)
        except InputError:
            raise
        except Exception as error:  # layers of a stranger can fail in any way when they are called
            rule = f"must be {self.spec.input_size} for this network ({one_line(error)})"
            raise InputError("input_size", rule, input_size) from error

    def _replayed(self, new_spec, consensus=None):
        """Returns the model with the same layers for clips of another length or size."""
        old_length = self.spec.num_segments

        def change(node, values):
            layer = node.operation
            changes = {}
            if isinstance(layer, PrepareFrames):
                changes["spec"] = new_spec
            elif isinstance(layer, (TemporalShift, TemporalPool, SegmentConsensus)):
                length = layer.num_segments * new_spec.num_segments // old_length
                changes["num_segments"] = length
            if isinstance(layer, SegmentConsensus) and consensus:
                changes["consensus"] = consensus
            if not changes:
                return call_again(node, values)
            new_layer = type(layer).from_config({**layer.get_config(), **changes})
            return new_layer(values[id(node.input_tensors[0])])

        inputs = _inputs(new_spec)
        return ClipModel(_unpacked(inputs), replay(self, inputs, change), name=self.name)


def build_model(spec: ModelSpec, preprocess: bool = True, per_frame: bool = False) -> ClipModel:
    """Builds a clip model with fresh weights.

    Args:
        spec: what to build.
        preprocess: the model takes values in 0..255 (uint8 or float) and normalises them; False for
            input that is already normalised.
        per_frame: leave out the consensus.

    Returns:
        A model from `[B, num_segments, input_size, input_size, channels]` to logits
        `[B, num_classes]`, or `[B, num_segments, num_classes]` with `per_frame` (half as many
        segments with temporal pooling).

    Raises:
        InputError: the spec's network cannot be built or has nowhere to shift.
    """
    if per_frame:
        _check_per_frame(spec)
    network = build_network(spec)
    forget_network(network)
    return clip_model(network, spec, preprocess, per_frame)


def clip_model(
    network: Network,
    spec: ModelSpec,
    preprocess: bool = True,
    per_frame: bool = False,
) -> ClipModel:
    """Makes the clip model of a network with the same layers; see `build_model`."""
    inputs = _inputs(spec)
    frames = PrepareFrames(spec, preprocess, name="frames")(inputs[0])
    num_segments = spec.num_segments

    def insert(site: Site, x: Any) -> Any:
        nonlocal num_segments
        if site.kind == SHIFT and spec.shift_mode != "none":
            shift = TemporalShift(num_segments, spec.shift_div, spec.shift_mode, name=site.name)
            return shift(x)
        if site.kind == NON_LOCAL and spec.non_local:
            return NonLocal(num_segments, name=site.name)(x)
        if site.kind == TEMPORAL_POOL and spec.temporal_pool:
            x = TemporalPool(num_segments, name=site.name)(x)
            num_segments //= 2
        return x

    logits = network.replay([frames, *inputs[1:]], insert)
    consensus = _consensus(spec, num_segments, per_frame)
    return ClipModel(_unpacked(inputs), consensus(logits), name=f"tsm_{network.name}")


def _consensus(spec, num_segments, per_frame):
    # in float32 whatever the policy: a loss loses small half-precision logits
    if spec.consensus != AVERAGE:
        return TemporalRelation(
            num_segments,
            spec.num_classes,
            spec.consensus,
            spec.relations,
            name=CONSENSUS,
            dtype="float32",
        )
    return SegmentConsensus(
        1 if spec.takes_clips else num_segments,
        "identity" if per_frame else "average",
        name=CONSENSUS,
        dtype="float32",
    )


def _check_per_frame(spec):
    if spec.takes_clips:
        rule = "must be a network of frames for logits of each frame"
        raise InputError("backbone", rule, spec.backbone)
    if spec.consensus != AVERAGE:
        rule = f"must be {AVERAGE} for logits of each frame, because relations need several"
        raise InputError("consensus", rule, spec.consensus)


def _inputs(spec: ModelSpec) -> list:
    shape = (spec.num_segments, spec.input_size, spec.input_size, spec.channels)
    clip = keras.Input(shape, name="image")
    return [clip, boxes_input(spec)] if find_architecture(spec.backbone).takes_boxes else [clip]


def _unpacked(inputs):
    """Returns the inputs as Keras takes them: a single one outside a list."""
    return inputs if len(inputs) > 1 else inputs[0]
