"""The original's parameter groups and partial batch norm (`get_optim_policies`, `TSN.train`)."""

import keras

from tsm_tf.keras_internals import flatten_layers
from tsm_tf.models.network import CLASSIFIER

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv3D, keras.layers.DepthwiseConv2D)
_NEW_LAYER_FACTOR = 5


def multipliers(model: keras.Model, new_head: bool = True) -> dict[str, tuple[float, float]]:
    """Returns multipliers of rate and weight decay for each trainable variable, by path.

    | variable | rate | decay |
    |---|---|---|
    | kernels | 1 | 1 |
    | biases | 2 | 0 |
    | scales and offsets of norms | 1 | 0 |
    | kernel of a new layer | 5 | 1 |
    | bias of a new layer | 10 | 0 |

    A new layer is a head with random weights, or a convolution that takes the frames of a flow
    network, whose input channels differ from those of the image network that it comes from.

    Args:
        model: a model from `build_model`.
        new_head: whether the head starts from random weights.
    """
    new_layers = set(CLASSIFIER) if new_head else set()
    if model.spec.modality == "flow":
        new_layers |= {
            layer.name
            for layer in model.layers
            if isinstance(layer, _CONVOLUTIONS) and layer.kernel.shape[-2] == model.spec.channels
        }

    groups = {}
    for variable in model.trainable_variables:
        factor = _NEW_LAYER_FACTOR if variable.path.split("/")[0] in new_layers else 1
        if variable.path.endswith(("kernel", "filter_weight")):
            groups[variable.path] = (factor, 1)
        elif variable.path.endswith("bias"):
            groups[variable.path] = (2 * factor, 0)
        else:
            groups[variable.path] = (factor, 0)
    return groups


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns all batch norms in the order of the layers, those inside composite layers too."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in flatten_layers(model) if isinstance(layer, kind)]


def freeze_batch_norms(model: keras.Model) -> None:
    """Freezes statistics, scale and offset of every batch norm but the first (section 5.1.1)."""
    first, *others = batch_norms(model)
    first.trainable = True
    for layer in others:
        layer.trainable = False
