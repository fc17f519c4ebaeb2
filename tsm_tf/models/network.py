"""The plain network of a spec: features that mark their sites, and a classifier behind them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError
from tsm_tf.layers.relation import FRAME_FEATURES
from tsm_tf.layers.site import Site
from tsm_tf.models.graph import call_again, forget, replay
from tsm_tf.relations import AVERAGE
from tsm_tf.spec import ModelSpec

HEAD = "head"
CONSENSUS = "consensus"
CLASSIFIER = frozenset({HEAD, CONSENSUS})
"""Layers whose weights depend on the classes; only temporal relations have some in the second."""


@dataclasses.dataclass(frozen=True)
class Network:
    """A network from normalised frames `[B, H, W, C]`, or clips, to logits `[B, num_classes]`.

    Attributes:
        features: model from frames `[B, H, W, C]` or clips `[B, T, H, W, C]` to a dict of feature
            maps; `"features"` are the last. Its `Site` layers mark where a clip model may insert
            something.
        head: model from the last feature maps to logits.
        name: the network's name.
    """

    features: keras.Model
    head: keras.Model
    name: str

    @classmethod
    def from_outputs(
        cls,
        frames: Any,
        outputs: dict[str, Any],
        spec: ModelSpec,
        name: str,
    ) -> "Network":
        """Makes a network of what a builder returned; see `Architecture.builder`.

        Raises:
            InputError: temporal relations behind a network with a classifier of its own.
        """
        outputs = dict(outputs)
        logits = outputs.pop("logits", None)
        if logits is not None and spec.consensus != AVERAGE:
            rule = f"must be {AVERAGE} for a network with a classifier of its own"
            raise InputError("consensus", rule, spec.consensus)
        features = keras.Model(frames, outputs, name=name)
        if logits is None:
            head = new_head(spec, outputs["features"].shape)
        elif logits is outputs["features"]:
            head = _no_head(logits)
        else:
            head = keras.Model(outputs["features"], logits, name=HEAD)
        return cls(features, head, name)

    def replay(self, frames: Any, insert: Callable[[Site, Any], Any]) -> Any:
        """Computes the logits of other frames, with the same layers and something at the sites.

        Args:
            frames: normalised frames or clips, as the network takes them.
            insert: `insert(site, x)` returns what replaces a site's output; `x` for nothing.
        """

        def change(node, values):
            if isinstance(node.operation, Site):
                return insert(node.operation, values[id(node.input_tensors[0])])
            return call_again(node, values)

        maps = replay(self.features, frames, change)
        return replay(self.head, maps["features"])


def build_network(spec: ModelSpec) -> Network:
    """Builds the network of a spec with fresh weights.

    Raises:
        InputError: the network does not exist, its description is not one, or it has nowhere to
            shift.
    """
    time = (spec.num_segments,) if spec.takes_clips else ()
    frames = keras.Input((*time, spec.input_size, spec.input_size, spec.channels), name="frames")
    if find_architecture(spec.backbone).takes_boxes:
        frames = [frames, boxes_input(spec)]
    outputs = find_architecture(spec.backbone).load_builder()(frames, spec)
    return Network.from_outputs(frames, outputs, spec, spec.backbone.rpartition(":")[2])


def boxes_input(spec: ModelSpec) -> Any:
    """Returns the second input of a network of clips with boxes: `[B, T/2, R, 4]`, for any R."""
    return keras.Input((spec.num_segments // 2, None, 4), name="boxes")


def forget_network(network: Network) -> None:
    """Leaves the layers of a network with the calls of the clip model alone; see `forget`."""
    for model in (network.features, network.head):
        forget(model)


def new_head(spec: ModelSpec, shape: tuple[int | None, ...]) -> keras.Model:
    """Returns a new classifier for feature maps: average pooling, dropout, dense layer.

    With temporal relations, the dense layer computes the features that they compare.

    Args:
        spec: gives the rate of the dropout, the consensus and the number of classes.
        shape: shape of the features: maps of frames `[B, H, W, C]` or of clips
            `[B, T, H, W, C]`, or vectors `[B, C]`, which are not pooled.
    """
    x = maps = keras.Input(shape[1:], name="features")
    if len(shape) == 4:
        x = keras.layers.GlobalAveragePooling2D(name="avgpool")(maps)
    elif len(shape) == 5:
        x = keras.layers.GlobalAveragePooling3D(name="avgpool")(maps)
    x = keras.layers.Dropout(spec.dropout, name="dropout")(x)
    units = spec.num_classes if spec.consensus == AVERAGE else FRAME_FEATURES
    return keras.Model(maps, new_classifier(units, x), name=HEAD)


def _no_head(logits: Any) -> keras.Model:
    """Returns an identity, for a network in which feature maps and classifier are inseparable."""
    inputs = keras.Input(logits.shape[1:])
    return keras.Model(inputs, keras.layers.Identity()(inputs), name=HEAD)


def new_classifier(num_classes: int, features: Any) -> Any:
    """Returns logits `[B, num_classes]` for features `[B, C]`, from a new dense layer."""
    initializer = keras.initializers.RandomNormal(stddev=0.001)  # as in the official code
    return keras.layers.Dense(num_classes, kernel_initializer=initializer, name=HEAD)(features)


def refresh(model: keras.Model) -> None:
    """Updates layers that compute with copies of their variables, after these were assigned."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
