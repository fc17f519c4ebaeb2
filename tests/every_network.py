"""Small specs of all networks in the catalogue, so that tests also cover rows to come."""

import math

import keras
import numpy as np
import pytest
from boxes import random_boxes
from testing import video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model
from tsm_tf.catalogue import ARCHITECTURES, KERAS, find_architecture

BACKBONES = tuple(
    name for name, row in ARCHITECTURES.items() if not row.is_family and name != KERAS
)
"""All but those of Keras, whose layers are not this project's."""


def small_spec(backbone, **fields):
    """Returns the spec of a network with a quarter of its channels, if it can have that, and with
    the fewest frames and pixels that it is meant for."""
    row = find_architecture(backbone)
    smallest, largest = row.sizes
    return ModelSpec(
        **{
            "backbone": backbone,
            "num_classes": 3,
            "num_segments": math.ceil(4 / row.segment_step) * row.segment_step,
            "input_size": min(max(64, smallest), largest),
            **({"width": 0.25} if "width" in row.options else {}),
            **fields,
        }
    )


def family_specs():
    """Returns small specs by name: a network of each builder, grouped convolutions, relations."""
    first = {find_architecture(name).builder: name for name in reversed(BACKBONES)}
    specs = {name: small_spec(name) for name in (*first.values(), "resnext50_32x4d")}
    specs["trn_multiscale"] = small_spec("mobilenet_v2", consensus="trn_multiscale")
    return specs


def inputs_of(spec, count=2):
    """Returns clips as a model takes them: uint8, with boxes if its network takes some."""
    clips = video_frames(count, spec.num_segments, spec.input_size, spec.input_size, spec.channels)
    if not find_architecture(spec.backbone).takes_boxes:
        return clips
    boxes = random_boxes(count)[:, : spec.num_segments // 2] * (spec.input_size - 1)
    return [clips, boxes.astype(np.float32)]


def calm_model(spec):
    """Returns a model with weights as after training: no zeros, and weak residual branches, so that
    activations do not grow from block to block, which would multiply rounding errors."""
    model = with_weights(build_model(spec))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Add):
            sources = [tensor._keras_history.operation for tensor in layer.input]
            norms = [x for x in sources if isinstance(x, keras.layers.BatchNormalization)]
            if len(norms) == 1:  # in a block without a shortcut of its own
                norms[0].gamma.assign(0.3 * norms[0].gamma)
    return model


def every_network(*backbones):
    """Parametrises a slow test with all networks, or those that are given."""
    names = [pytest.param(name, marks=pytest.mark.slow) for name in backbones or BACKBONES]

    def decorate(test):
        return pytest.mark.usefixtures("frees_networks")(
            pytest.mark.parametrize("backbone", names)(test)
        )

    return decorate
