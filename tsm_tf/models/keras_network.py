"""Networks of `keras.applications` and of the user, whose residual branches are found by search."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from tsm_tf.backbones.blocks import BATCH_NORM_MOMENTUM
from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError, one_line
from tsm_tf.keras_internals import functional_graph, is_functional
from tsm_tf.layers.site import SHIFT, Site
from tsm_tf.models.graph import call_again, calls, inline, replay, residual_entries
from tsm_tf.models.keras_json import model_from_json
from tsm_tf.spec import ModelSpec


def build_application(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds a network of `keras.applications` as a feature extractor; see `Architecture.builder`.

    Raises:
        InputError: there is no such network, not of this size, or nowhere to shift in it.
    """
    try:
        model = application(spec)
    except InputError:
        raise
    except ValueError as error:  # from Keras, for sizes or widths that a network cannot have
        rule = f"must be a network that can be built for this spec ({one_line(error)})"
        raise InputError("backbone", rule, spec.backbone) from error
    return {"features": mark_sites(inline(model), frames, spec)}


def application(
    spec: ModelSpec,
    weights: str | None = None,
    include_top: bool = False,
) -> keras.Model:
    """Returns the network of `keras.applications` that a spec names.

    Its batch norms get this project's momentum. With 0.99 or 0.999, validation stays at chance for
    the first thousand steps while training works.

    Args:
        spec: the backbone is `keras:NAME`.
        weights: None, or `"imagenet"`, which Keras downloads.
        include_top: with Keras' own classifier; otherwise the last feature maps are the output.

    Raises:
        InputError: there is no such network.
    """
    name = spec.backbone.partition(":")[2]
    build = getattr(keras.applications, name, None)
    if build is None:
        raise InputError("backbone", "must be a network of keras.applications", spec.backbone)

    has_width = "width" in find_architecture(spec.backbone).options
    width = {"alpha": spec.width} if has_width else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This model usually expects 1 or 3 input channels")
        model = build(
            include_top=include_top,
            weights=weights,
            input_shape=(spec.input_size, spec.input_size, spec.channels),
            **width,
        )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    return model


def build_described(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the network that `spec.keras_json` describes; see `Architecture.builder`.

    Raises:
        InputError: not the JSON of a model, another input shape, or nowhere to shift.
    """
    model = model_from_json(spec.keras_json or "", "keras_json")
    shape = (spec.input_size, spec.input_size, spec.channels)
    if not is_functional(model) or not _maps_tensor(model, shape):
        rule = f"must take frames of input_size={spec.input_size} and {spec.channels} channels"
        received = getattr(model, "input_shape", type(model).__name__)
        raise InputError("keras_json", rule, received)

    try:
        return classifier_outputs(model, frames, spec)
    except InputError:
        raise
    except Exception as error:  # layers of a stranger can fail in any way when they are called
        rule = f"must describe a network of which each layer can be called ({one_line(error)})"
        raise InputError("keras_json", rule, model.name) from error


def _maps_tensor(model: keras.Model, shape: tuple[int, ...]) -> bool:
    """Returns whether a model maps one tensor of a shape, beside the batch, to one tensor."""
    graph = functional_graph(model)
    has_one = len(graph.inputs) == len(graph.outputs) == 1
    return has_one and tuple(graph.inputs[0].shape[1:]) == shape


def classifier_outputs(model: keras.Model, frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Returns the last feature maps and the logits of a classifier, with its sites marked.

    Where no single tensor separates the two, the logits take the place of the feature maps.
    """
    maps, logits = last_maps(model), model.output
    split = keras.Model(model.input, {"features": maps, "logits": logits}, name=model.name)
    return mark_sites(split, frames, spec)


def last_maps(model: keras.Model) -> Any:
    """Returns the last tensor `[B, h, w, C]` that the output depends on alone, or the output."""
    producers = {id(x): node for node in calls(model) for x in node.outputs}
    x = model.output
    while len(x.shape) != 4:
        node = producers.get(id(x))
        if node is None or len(node.input_tensors) != 1:
            return model.output
        x = node.input_tensors[0]
    return x


def mark_sites(model: keras.Model, frames: Any, spec: ModelSpec) -> Any:
    """Computes a model on other frames with a `Site` wherever the spec shifts."""
    sites = ()
    if spec.shift_mode != "none":
        sites = find_sites(model, spec.shift_div, spec.shift_layers)
    names = {(id(x), id(node)): f"shift_{i:02d}" for i, (x, node) in enumerate(sites)}

    def change(node, values):
        values = dict(values)
        for key in map(id, node.input_tensors):
            if (key, id(node)) in names:
                values[key] = Site(SHIFT, name=names[key, id(node)])(values[key])
        return call_again(node, values)

    return replay(model, frames, change)


def find_sites(
    model: keras.Model,
    shift_div: int,
    layers: Sequence[str] | None = None,
) -> tuple[tuple, ...]:
    """Finds where to shift in a 2D network: before named layers, or in the residual branches.

    Returns:
        Pairs of a tensor and the call that takes it, in the order of the graph.

    Raises:
        InputError: nowhere, an unknown layer, or too few channels.
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
        rule = (
            "must be names of layers, or a predicate, for a network without residual branches: "
            '"residual" finds none'
        )
        received = model.name if layers is None else f"{model.name}, layers {layers}"
        raise InputError("where", rule, received)
    for x, node in sites:
        if x.shape[-1] is None or x.shape[-1] < shift_div:
            rule = (
                f"must be at most the channels of each shifted tensor; "
                f"{node.operation.name} takes {x.shape}"
            )
            raise InputError("shift_div", rule, shift_div)
    return tuple(sites)
