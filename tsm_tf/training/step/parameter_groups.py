"""The original's parameter groups, and its partial batch norm (`get_optim_policies`, `train` of its `TSN`)."""

import keras

from tsm_tf.models.network import HEAD

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def multipliers(model: keras.Model, new_head: bool = True) -> dict[str, tuple[float, float]]:
    """Returns for each trainable variable, by path, what multiplies its rate and its weight decay.

    Kernels (1, 1), biases (2, 0), scales and offsets of norms (1, 0). The first convolution of a flow network, which
    takes other channels than the image network it comes from: (5, 1) and (10, 0). A new head: (5, 1) and (10, 0).

    Args:
        model: a model of `build_model`.
        new_head: the head starts from random weights, not from those of the same classes.
    """
    fast = {HEAD} if new_head else set()
    if model.spec.modality == "flow":
        fast.add(next(layer.name for layer in model.layers if isinstance(layer, _CONVOLUTIONS)))
    groups = {}
    for variable in model.trainable_variables:
        layer, factor = variable.path.split("/")[0], 1
        if layer in fast:
            factor = 5
        if variable.path.endswith("kernel"):
            groups[variable.path] = (factor, 1)
        elif variable.path.endswith("bias"):
            groups[variable.path] = (2 * factor, 0)
        else:
            groups[variable.path] = (factor, 0)
    return groups


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns all batch norms of a model, those inside composite layers too, in the order of the layers."""
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def freeze_batch_norms(model: keras.Model) -> None:
    """Freezes statistics, scale and offset of every batch norm but the first (partial BN, section 5.1.1)."""
    first, *others = batch_norms(model)
    first.trainable = True
    for layer in others:
        layer.trainable = False
