"""Marks in a 2D network: places where a clip model may insert something."""

from typing import Any

import keras

from tsm_tf.errors import InputError

SHIFT = "shift"
NON_LOCAL = "non_local"
TEMPORAL_POOL = "temporal_pool"
KINDS = (SHIFT, NON_LOCAL, TEMPORAL_POOL)


@keras.saving.register_keras_serializable(package="tsm_tf")
class Site(keras.layers.Layer):
    """An identity that marks a place in a 2D network.

    Backbones put sites where the original code shifts, adds non-local blocks, or pools over time.
    The clip model replaces each site by the layer that its spec asks for, under the site's name,
    and removes the others.

    Args:
        kind: `"shift"`, `"non_local"` or `"temporal_pool"`.
        **kwargs: `name` is the name of the layer that replaces the site, such as `"shift_00"`.

    Raises:
        InputError: an unknown kind.
    """

    def __init__(self, kind: str, **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise InputError("kind", f"must be one of {', '.join(KINDS)}", kind)
        self.kind = kind

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind}
