"""Any functional 2D Keras network as a TSM: "insert TSM into 2D CNNs" (section 4.1), without editing the network."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras

from tsm_tf.errors import InputError
from tsm_tf.models.clip import clip_model
from tsm_tf.models.graph import call_again, calls, inline, is_graph, replay
from tsm_tf.models.network import Network, find_sites, new_head
from tsm_tf.spec import KERAS, PREPROCESSING, ModelSpec

_MODALITIES = {3: "rgb", 10: "flow"}
_AFTER_HEAD = (
    keras.layers.Softmax,
    keras.layers.Activation,
    keras.layers.Flatten,
    keras.layers.Reshape,
)


class ShiftSite(NamedTuple):
    """A place for a shift: the layer whose input moves, the input's shape, and the channels that move a direction."""

    layer: str
    shape: tuple
    channels_moved: int


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
) -> keras.Model:
    """Makes a clip model of a 2D network: same layers, same weights, and a shift in its residual branches.

    Nothing is copied: training one trains the other. The given model itself stays as it is.

    Args:
        model_2d: a functional or sequential model from images `[B, S, S, C]` to class scores; models nested in it are
            opened. A softmax at its end is taken off.
        num_segments: frames per clip, T.
        shift_mode: `"bidirectional"`, `"unidirectional"` (which can stream), or `"none"`, the 2D network averaged.
        shift_div: one `shift_div`-th of the channels moves in each direction.
        where: `"residual"`: before the first layer of each residual branch; or names of layers, or a predicate of
            layers, whose (first) input is shifted then.
        num_classes: a new head of so many classes; None keeps the old one.
        per_frame: leaves out the consensus; see `build_model`.
        preprocess: how RGB in 0..255 is normalised inside: a mode of `keras.applications` (`"tf"`, `"torch"`,
            `"caffe"`), or `(mean, std)` per channel, of values scaled to 0..1. None: the clip model takes what
            `model_2d` takes.
        labels: class names in the order of the logits.
        batch_norm_momentum: in place of the network's; `keras.applications` has 0.99 or 0.999, which take thousands of
            steps to follow fine-tuning. 0.9 is the original's.
        freeze_batch_norm: batch norms normalise by their moving statistics in training too, and keep them.

    Returns:
        A clip model `[B, T, S, S, C]` -> logits `[B, num_classes]`, as of `build_model`. Its spec carries the network.

    Raises:
        InputError: a model whose graph is not known (subclassed), with several inputs or outputs, or with a time axis;
            no residual branch or no such layer; too few channels for `shift_div`.

    Example:
        >>> model = tsm_tf.retrofit(keras.applications.EfficientNetB0(), num_classes=27, shift_mode="unidirectional")
        >>> model.fit(dataset)
    """
    flat = _opened(model_2d)
    mean, std, order = _preprocessing(preprocess, flat.input.shape[-1])
    layers = _names(flat, where)
    network = _with_logits(flat, num_classes)
    if batch_norm_momentum is not None or freeze_batch_norm:
        network = _with_batch_norms(network, batch_norm_momentum, freeze_batch_norm)
    size, channels = network.input.shape[2:]
    spec = ModelSpec(
        backbone=KERAS,
        num_classes=network.output.shape[-1],
        labels=labels,
        num_segments=num_segments,
        input_size=size,
        shift_mode=shift_mode,
        shift_div=shift_div,
        modality=_MODALITIES[channels],
        dropout=0.0,
        mean=mean,
        std=std,
        channel_order=order,
        network=json.dumps(json.loads(network.to_json()), separators=(",", ":")),
        shift_layers=layers,
    )
    sites = find_sites(network, shift_div, layers) if shift_mode != "none" else ()
    return clip_model(Network(network, sites), spec, preprocess=True, per_frame=per_frame)


def find_shift_sites(
    model_2d: keras.Model, where: str | Sequence[str] | Callable = "residual", shift_div: int = 8
) -> list[ShiftSite]:
    """Prints and returns where `retrofit` would shift; see there for the arguments and errors."""
    flat = _opened(model_2d)
    found = find_sites(flat, shift_div, _names(flat, where))
    sites = [
        ShiftSite(node.operation.name, tuple(x.shape[1:]), x.shape[-1] // shift_div)
        for x, node in found
    ]
    width = max(len(site.layer) for site in sites)
    for site in sites:
        share = site.channels_moved / site.shape[-1]
        print(
            f"{site.layer:{width}}  {' x '.join(map(str, site.shape)):>16}  {share:.1%} of it in each direction"
        )
    return sites


def _opened(model):
    """Returns a model without nested models, after checking that it can become a clip model."""
    if not is_graph(model):
        rule = "must be a built functional or sequential model; of a subclassed one only its author knows the graph"
        raise InputError("model_2d", rule, type(model).__name__)
    flat = inline(model)
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        received = f"{len(flat.inputs)} inputs, {len(flat.outputs)} outputs"
        raise InputError(
            "model_2d",
            "must have one input and one output; keras.Model(inputs, outputs) picks",
            received,
        )
    shape = flat.inputs[0].shape
    if len(shape) == 5:
        raise InputError(
            "model_2d", "must take images [B, H, W, C]; this one has a time axis already", shape
        )
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] not in _MODALITIES:
        rule = "must take square images of a fixed size, [B, S, S, 3] (or 10 channels of flow); build it for one"
        raise InputError("model_2d", rule, shape)
    first = [
        n.operation
        for n in calls(flat)
        if getattr(n.operation, "data_format", None) == "channels_first"
    ]
    if first:
        raise InputError(
            "model_2d", "must have the channels last, where the shift expects them", first[0].name
        )
    return keras.Model(flat.inputs[0], flat.outputs[0], name=flat.name)


def _preprocessing(preprocess, channels):
    """Returns mean, standard deviation and order of the channels, of values scaled to 0..1."""
    if preprocess is None:
        mean, std, order = PREPROCESSING["none"]
        return mean[:1] * channels, std[:1] * channels, order
    if isinstance(preprocess, str) and preprocess in PREPROCESSING:
        return PREPROCESSING[preprocess]
    if isinstance(preprocess, (tuple, list)) and len(preprocess) == 2:
        return (*preprocess, "rgb")  # the spec checks them
    raise InputError(
        "preprocess", f"must be one of {', '.join(PREPROCESSING)}, (mean, std), or None", preprocess
    )


def _names(model, where):
    """Returns the names of the layers to shift before, None for the residual branches."""
    if where == "residual":
        return None
    if callable(where):
        layers = (
            node.operation for node in calls(model) if isinstance(node.operation, keras.Layer)
        )
        return tuple(dict.fromkeys(layer.name for layer in layers if where(layer)))
    if isinstance(where, str) or not all(isinstance(name, str) for name in where):
        raise InputError(
            "where", 'must be "residual", names of layers, or a predicate of layers', where
        )
    return tuple(where)


def _with_logits(model, num_classes):
    """Returns a model that ends in logits: without its softmax, or with a new head."""
    tail = _tail(model)
    head = tail[-1]
    if num_classes is not None:
        is_linear = isinstance(head.operation, (keras.layers.Dense, keras.layers.Conv2D))
        has_head = is_linear and len(model.output.shape) == 2
        features = head.input_tensors[0] if has_head else model.output
        if len(features.shape) == 4:
            features = keras.layers.GlobalAveragePooling2D(name="head_pool")(features)
        return keras.Model(model.input, new_head(num_classes, features), name=model.name)
    if len(model.output.shape) != 2:
        rule = "must end in class scores [B, num_classes], or be given num_classes for a new head"
        raise InputError("model_2d", rule, model.output.shape)

    def change(node, values):
        if node not in tail or not _is_softmax(node.operation):
            return call_again(node, values)
        x = values[id(node.input_tensors[0])]
        return (
            x
            if node is not head
            else _variant(node.operation, activation=keras.activations.linear)(x)
        )

    return _rebuilt(model, change)


def _tail(model):
    """Returns the last calls, last first, back to the one that computes the scores."""
    producers = {id(x): node for node in calls(model) for x in node.outputs}
    tail = [producers[id(model.output)]]
    while (
        isinstance(tail[-1].operation, _AFTER_HEAD)
        or type(tail[-1].operation).__name__ == "Softmax"
    ):
        previous = producers.get(id(tail[-1].input_tensors[0]))
        if previous is None:
            break
        tail.append(previous)
    return tail


def _rebuilt(model, change):
    frames = keras.Input(model.input.shape[1:], name="frames")
    return keras.Model(frames, replay(model, frames, change), name=model.name)


def _with_batch_norms(model, momentum, freeze):
    changes = {} if momentum is None else {"momentum": momentum}
    if freeze:
        changes["_trainable"] = (
            False  # the layer's alone: `trainable` would reach the variables of the given model
        )
    variants = {}  # by layer, which may be called more than once

    def change(node, values):
        if not isinstance(node.operation, keras.layers.BatchNormalization):
            return call_again(node, values)
        variant = variants.setdefault(id(node.operation), _variant(node.operation, **changes))
        args, kwargs = node.arguments.fill_in(values)
        return variant(*args, **kwargs)

    return _rebuilt(model, change)


def _is_softmax(operation):
    is_softmax = type(operation).__name__ == "Softmax"  # the layer, or of keras.ops
    return is_softmax or getattr(operation, "activation", None) is keras.activations.softmax


def _variant(layer, **attributes):
    """Returns a layer with the very variables of another one and other attributes; that one stays as it is."""
    variant = object.__new__(type(layer))
    variant.__dict__.update(layer.__dict__, _inbound_nodes=[], _outbound_nodes=[], **attributes)
    return variant
