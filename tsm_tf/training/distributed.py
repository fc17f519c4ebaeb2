"""What `fit` needs on several devices."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from tsm_tf.devices import Devices
from tsm_tf.keras_internals import build_symbolically, distributed_fit
from tsm_tf.training.step.parameter_groups import batch_norms


class AverageBatchNorms(keras.callbacks.Callback):
    """Averages the batch norms' statistics over all replicas before each validation."""

    def __init__(self, devices: Devices):
        super().__init__()
        self.devices = devices

    def on_test_begin(self, logs=None):
        self.devices.average_statistics(batch_norms(self.model))


@contextlib.contextmanager
def prepared(model: keras.Model, devices: Devices, batch: Any) -> Iterator[None]:
    """Context manager in which a compiled model can be fitted on the devices.

    Args:
        model: built and compiled in `devices.scope()`.
        devices: from `pick_devices`.
        batch: clips and labels (and weights) for one device, of which only shapes and types are
            used.
    """
    if keras.backend.backend() != "tensorflow":
        build_symbolically(model, batch)
    if devices.strategy is None:
        yield
        return
    with devices.scope():
        build_symbolically(model, batch)
    with distributed_fit(model, devices.share.count):
        yield
