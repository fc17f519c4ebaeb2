"""The plain 2D network of a spec, and the places in it where its clip and stream models put something."""

import dataclasses
from collections.abc import Sequence

import keras
from keras import tree

from tsm_tf.backbones import mobilenet_v2, resnet
from tsm_tf.backbones.blocks import BATCH_NORM_MOMENTUM
from tsm_tf.errors import InputError
from tsm_tf.models.graph import (
    call_again,
    calls,
    forget,
    inline,
    is_graph,
    replay,
    residual_entries,
)
from tsm_tf.spec import KERAS, ModelSpec

HEAD = "head"
NON_LOCAL_AFTER = ("layer2_0", "layer2_2", "layer3_0", "layer3_2", "layer3_4")


@dataclasses.dataclass(frozen=True)
class Network:
    """A 2D network from normalised frames `[B, H, W, C]` to logits `[B, num_classes]`, and its shift sites.

    Attributes:
        model: the functional model, whose layers the clip and the stream model share.
        sites: pairs of a tensor and the call that takes it; `shift` comes in between.
        in_place: the shift replaces the tensor for all that take it (`shift_place` block, Fig. 3 left).
    """

    model: keras.Model
    sites: tuple
    in_place: bool = False

    def replay(self, frames, shift, after=lambda name, x: x):
        """Computes the network on other frames, with something in between.

        Args:
            frames: normalised frames, `[B, H, W, C]`.
            shift: `shift(name, x)` is called at each site, with `shift_00`, `shift_01`, ...
            after: `after(name, x)` is called on the output of each layer; it returns what the next layers take.
        """
        names = {(id(x), id(node)): f"shift_{i:02d}" for i, (x, node) in enumerate(self.sites)}
        in_place = (
            {id(x): f"shift_{i:02d}" for i, (x, _) in enumerate(self.sites)}
            if self.in_place
            else {}
        )

        def change(node, values):
            values = dict(values)
            for key in map(id, node.input_tensors):
                if not in_place and (key, id(node)) in names:
                    values[key] = shift(names[key, id(node)], values[key])
            outputs = tree.flatten(call_again(node, values))
            outputs[0] = after(node.operation.name, outputs[0])
            key = id(node.outputs[0])
            return [shift(in_place[key], outputs[0]), *outputs[1:]] if key in in_place else outputs

        return replay(self.model, frames, change)


def build_network(spec: ModelSpec) -> Network:
    """Builds a spec's 2D network with fresh weights.

    Raises:
        InputError: no such network in `keras.applications`, a description that is none, or nowhere to shift.
    """
    model = _described(spec) if spec.backbone == KERAS else _with_head(spec)
    sites = (
        find_sites(model, spec.shift_div, spec.shift_layers) if spec.shift_mode != "none" else ()
    )
    sites = tuple(site for site in sites if _is_shifted(spec, site[1].operation.name))
    forget(model)
    return Network(model, sites, spec.shift_place == "block")


def find_sites(model: keras.Model, shift_div: int, layers: Sequence[str] | None = None) -> tuple:
    """Returns the sites in a 2D network, as of `Network`: before the named layers, or in the residual branches.

    Raises:
        InputError: there are none, no such layer, or too few channels at one of them.
    """
    if layers is None:
        sites = residual_entries(model)
    else:
        sites = [
            (node.input_tensors[0], node) for node in calls(model) if node.operation.name in layers
        ]
        unknown = sorted(set(layers) - {node.operation.name for _, node in sites})
        if unknown:
            raise InputError("where", f"must name layers of {model.name}", unknown)
    if not sites:
        rule = 'must be names of layers or a predicate where nothing is added: "residual" finds no branches'
        raise InputError(
            "where", rule, f"{model.name}, layers {layers}" if layers is not None else model.name
        )
    for x, node in sites:
        if x.shape[-1] is None or x.shape[-1] < shift_div:
            rule = f"must be at most the channels of each shifted tensor; {node.operation.name} takes {x.shape}"
            raise InputError("shift_div", rule, shift_div)
    return tuple(sites)


def new_head(num_classes: int, features):
    """Returns logits `[B, num_classes]` of features `[B, C]`, by a new dense layer."""
    initializer = keras.initializers.RandomNormal(stddev=0.001)  # the official head's
    return keras.layers.Dense(num_classes, kernel_initializer=initializer, name=HEAD)(features)


def _with_head(spec):
    frames = keras.Input((spec.input_size, spec.input_size, spec.channels), name="frames")
    if spec.backbone == "mobilenet_v2":
        features = mobilenet_v2.mobilenet_v2(frames, spec.width)
    elif spec.is_keras:
        features = application(spec)(frames)
    else:
        features = resnet.resnet(frames, spec.backbone)
    features = keras.layers.Dropout(spec.dropout, name="dropout")(features)
    model = keras.Model(
        frames, new_head(spec.num_classes, features), name=spec.backbone.rpartition(":")[2]
    )
    return inline(model) if spec.is_keras else model


def application(
    spec: ModelSpec, weights: str | None = None, include_top: bool = False
) -> keras.Model:
    """Returns the network of `keras.applications` that a spec names, pooled or with its own top.

    Its batch norms get the momentum of this project's: with 0.99 or 0.999, validation stays at chance for the first
    thousand steps while training works.
    """
    name = spec.backbone.partition(":")[2]
    if not hasattr(keras.applications, name):
        raise InputError("backbone", "must be a network of keras.applications", spec.backbone)
    options = {"alpha": spec.width} if name.startswith("MobileNet") else {}
    shape = (spec.input_size, spec.input_size, spec.channels)
    options |= {} if include_top else {"pooling": "avg"}
    build = getattr(keras.applications, name)
    model = build(include_top=include_top, weights=weights, input_shape=shape, **options)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    return model


def refresh(model: keras.Model) -> None:
    """Brings the layers that compute with copies of their variables up to date after somebody has assigned those."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _described(spec):
    try:
        model = keras.models.model_from_json(spec.network)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            "network", f"must be Keras' JSON of a model ({error})", spec.network[:80]
        ) from error
    if not is_graph(model) or tuple(model.input.shape[1:]) != (
        spec.input_size,
        spec.input_size,
        spec.channels,
    ):
        rule = f"must take frames of input_size={spec.input_size} and {spec.channels} channels"
        raise InputError("network", rule, getattr(model, "input_shape", type(model).__name__))
    return model


def _is_shifted(spec, layer):
    if spec.backbone == "mobilenet_v2":
        return mobilenet_v2.is_shifted(layer)
    return spec.is_keras or spec.shift_place == "block" or resnet.is_shifted(spec.backbone, layer)


def pool_after(spec: ModelSpec) -> str | None:
    """Returns the layer behind which temporal pooling comes: the last of the first ResNet stage."""
    return f"layer1_{resnet.STAGES[spec.backbone][1][0] - 1}" if spec.temporal_pool else None
