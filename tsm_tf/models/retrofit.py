"""Turns any functional 2D Keras network into a TSM, without editing the network (section 4.1)."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from tsm_tf.catalogue import KERAS, PREPROCESSING
from tsm_tf.errors import InputError
from tsm_tf.keras_internals import (
    frozen_with_shared_variables,
    is_functional,
    with_shared_variables,
)
from tsm_tf.models.clip import ClipModel, clip_model
from tsm_tf.models.graph import call_again, calls, inline, replay
from tsm_tf.models.keras_network import classifier_outputs, find_sites
from tsm_tf.models.network import Network, new_classifier
from tsm_tf.spec import ModelSpec

_MODALITIES = {3: "rgb", 10: "flow"}
_AFTER_HEAD = (
    keras.layers.Softmax,
    keras.layers.Activation,
    keras.layers.Flatten,
    keras.layers.Reshape,
)


class ShiftSite(NamedTuple):
    """A place for a shift.

    Attributes:
        layer: name of the layer whose input is shifted.
        shape: the input's shape without the batch.
        channels_moved: channels that move in each direction.
    """

    layer: str
    shape: tuple[int, ...]
    channels_moved: int

    def __str__(self):
        share = self.channels_moved / self.shape[-1]
        size = " x ".join(map(str, self.shape))
        return f"{self.layer}: {size}, {share:.1%} of the channels move in each direction"


def retrofit(
    model_2d: keras.Model,
    num_segments: int = 8,
    shift_mode: str = "bidirectional",
    shift_div: int = 8,
    where: str | Sequence[str] | Callable = "residual",
    num_classes: int | None = None,
    *,
    per_frame: bool = False,
    preprocess: str | tuple | None = None,
    labels: Sequence[str] | None = None,
    batch_norm_momentum: float | None = None,
    freeze_batch_norm: bool = False,
) -> ClipModel:
    """Turns a 2D network into a clip model: same layers, same weights, shifted residual branches.

    Nothing is copied: training one trains the other. The given model itself is not changed.

    Args:
        model_2d: a functional or sequential model from images `[B, S, S, C]` to class scores.
            Nested models are inlined, and a softmax at the end is removed.
        num_segments: frames per clip, T.
        shift_mode: `"bidirectional"`, `"unidirectional"` (can stream), or `"none"` (the 2D network,
            averaged over frames).
        shift_div: `1 / shift_div` of the channels move in each direction.
        where: `"residual"` shifts before the first layer of each residual branch. Names of layers,
            or a predicate on layers, select layers whose first input is shifted.
        num_classes: size of a new head; None keeps the old head.
        per_frame: leave out the consensus; see `build_model`.
        preprocess: how RGB in 0..255 is normalised inside the model: a mode of `keras.applications`
            (`"tf"`, `"torch"`, `"caffe"`), or `(mean, std)` per channel for values scaled to 0..1.
            None: the clip model takes what `model_2d` takes.
        labels: class names in the order of the logits.
        batch_norm_momentum: replaces the network's. `keras.applications` uses 0.99 or 0.999, whose
            statistics take thousands of steps to follow fine-tuning. The original uses 0.9.
        freeze_batch_norm: batch norms use and keep their moving statistics during training.

    Returns:
        A clip model from `[B, T, S, S, C]` to logits `[B, num_classes]`. Its spec contains the
        network's description.

    Raises:
        InputError: the model's graph is unknown (subclassed models), has several inputs or outputs,
            or a time axis; it has no residual branch or no such layer; `shift_div` exceeds the
            channels.

    Example:
        >>> model = tsm_tf.retrofit(
        ...     keras.applications.EfficientNetB0(), num_classes=27, shift_mode="unidirectional"
        ... )
        >>> model.fit(dataset)
    """
    flat = _inlined(model_2d)
    mean, std, order = _preprocessing(preprocess, flat.input.shape[-1])
    layers = _names(flat, where)

    network = _with_logits(flat, num_classes)
    if batch_norm_momentum is not None or freeze_batch_norm:
        network = _with_batch_norms(network, batch_norm_momentum, freeze_batch_norm)

    size, channels = network.input.shape[2:]
    spec = ModelSpec(
        backbone=KERAS,
        num_classes=network.output.shape[-1],
        labels=labels,  # pyright: ignore[reportArgumentType]  # `ModelSpec` makes it a tuple
        num_segments=num_segments,
        input_size=size,
        shift_mode=shift_mode,
        shift_div=shift_div,
        modality=_MODALITIES[channels],
        dropout=0.0,
        mean=mean,
        std=std,
        channel_order=order,
        keras_json=json.dumps(json.loads(network.to_json()), separators=(",", ":")),
        shift_layers=layers,
    )
    frames = keras.Input((size, size, channels), name="frames")
    outputs = classifier_outputs(network, frames, spec)
    return clip_model(
        Network.from_outputs(frames, outputs, spec, network.name),
        spec,
        preprocess=True,
        per_frame=per_frame,
    )


def find_shift_sites(
    model_2d: keras.Model,
    where: str | Sequence[str] | Callable = "residual",
    shift_div: int = 8,
) -> list[ShiftSite]:
    """Returns where `retrofit` would shift; see there for the arguments and errors.

    Example:
        >>> print(*tsm_tf.find_shift_sites(network), sep="\\n")
    """
    flat = _inlined(model_2d)
    found = find_sites(flat, shift_div, _names(flat, where))
    return [
        ShiftSite(node.operation.name, tuple(x.shape[1:]), x.shape[-1] // shift_div)
        for x, node in found
    ]


def _inlined(model: keras.Model) -> keras.Model:
    """Returns a model without nested models, after checking that it can become a clip model."""
    if not is_functional(model):
        rule = "must be a built functional or sequential model; the graph of others is unknown"
        raise InputError("model_2d", rule, type(model).__name__)
    flat = inline(model)
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        rule = "must have one input and one output; select them with keras.Model(inputs, outputs)"
        received = f"{len(flat.inputs)} inputs, {len(flat.outputs)} outputs"
        raise InputError("model_2d", rule, received)

    shape = flat.inputs[0].shape
    if len(shape) == 5:
        rule = "must take images [B, H, W, C]; this one already has a time axis"
        raise InputError("model_2d", rule, shape)
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] not in _MODALITIES:
        rule = "must take square images of a fixed size, [B, S, S, 3] (or 10 channels of flow)"
        raise InputError("model_2d", rule, shape)

    for node in calls(flat):
        if getattr(node.operation, "data_format", None) == "channels_first":
            rule = "must have the channels last, where the shift expects them"
            raise InputError("model_2d", rule, node.operation.name)
    return keras.Model(flat.inputs[0], flat.outputs[0], name=flat.name)


def _preprocessing(preprocess: str | tuple | None, channels: int) -> tuple:
    """Returns mean, standard deviation and channel order, for values scaled to 0..1."""
    if preprocess is None:
        mean, std, order = PREPROCESSING["none"]
        return mean[:1] * channels, std[:1] * channels, order
    if isinstance(preprocess, str) and preprocess in PREPROCESSING:
        return PREPROCESSING[preprocess]
    if isinstance(preprocess, (tuple, list)) and len(preprocess) == 2:
        return (*preprocess, "rgb")  # the spec checks them
    rule = f"must be one of {', '.join(PREPROCESSING)}, (mean, std), or None"
    raise InputError("preprocess", rule, preprocess)


def _names(model: keras.Model, where: str | Sequence[str] | Callable) -> tuple[str, ...] | None:
    """Returns the names of the layers to shift before; None for the residual branches."""
    if where == "residual":
        return None
    if callable(where):
        operations = [node.operation for node in calls(model)]
        layers = [layer for layer in operations if isinstance(layer, keras.Layer)]
        return tuple(dict.fromkeys(layer.name for layer in layers if where(layer)))
    if isinstance(where, str) or not all(isinstance(name, str) for name in where):
        rule = 'must be "residual", names of layers, or a predicate on layers'
        raise InputError("where", rule, where)
    return tuple(where)


def _with_logits(model: keras.Model, num_classes: int | None) -> keras.Model:
    """Returns a model that ends in logits: without its softmax, or with a new head."""
    if num_classes is not None:
        return _with_new_head(model, num_classes)
    if len(model.output.shape) != 2:
        rule = "must end in class scores [B, num_classes], unless num_classes asks for a new head"
        raise InputError("model_2d", rule, model.output.shape)

    tail = _tail(model)

    def change(node, values):
        if node not in tail or not _is_softmax(node.operation):
            return call_again(node, values)
        x = values[id(node.input_tensors[0])]
        if node is not tail[-1]:
            return x
        linear = keras.activations.linear
        return with_shared_variables(node.operation, activation=linear)(x)

    return _rebuilt(model, change)


def _with_new_head(model: keras.Model, num_classes: int) -> keras.Model:
    head = _tail(model)[-1]
    is_linear = isinstance(head.operation, (keras.layers.Dense, keras.layers.Conv2D))
    has_head = is_linear and len(model.output.shape) == 2
    features = head.input_tensors[0] if has_head else model.output
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name="head_pool")(features)
    return keras.Model(model.input, new_classifier(num_classes, features), name=model.name)


def _tail(model: keras.Model) -> list:
    """Returns the last calls in reverse order, back to the one that computes the scores."""
    producers = {id(x): node for node in calls(model) for x in node.outputs}
    tail = [producers[id(model.output)]]
    while isinstance(tail[-1].operation, _AFTER_HEAD) or _is_softmax_class(tail[-1].operation):
        previous = producers.get(id(tail[-1].input_tensors[0]))
        if previous is None:
            break
        tail.append(previous)
    return tail


def _rebuilt(model: keras.Model, change: Callable) -> keras.Model:
    frames = keras.Input(model.input.shape[1:], name="frames")
    return keras.Model(frames, replay(model, frames, change), name=model.name)


def _with_batch_norms(model: keras.Model, momentum: float | None, freeze: bool) -> keras.Model:
    """Returns a model whose batch norms share the variables of the given model's."""
    changes = {} if momentum is None else {"momentum": momentum}
    vary = frozen_with_shared_variables if freeze else with_shared_variables
    variants = {}  # by layer, which may be called more than once

    def change(node, values):
        if not isinstance(node.operation, keras.layers.BatchNormalization):
            return call_again(node, values)
        variant = variants.setdefault(id(node.operation), vary(node.operation, **changes))
        args, kwargs = node.arguments.fill_in(values)
        return variant(*args, **kwargs)

    return _rebuilt(model, change)


def _is_softmax(operation: Any) -> bool:
    has_softmax = getattr(operation, "activation", None) is keras.activations.softmax
    return has_softmax or _is_softmax_class(operation)


def _is_softmax_class(operation: Any) -> bool:
    return type(operation).__name__ == "Softmax"  # the layer, or the class behind `keras.ops`
