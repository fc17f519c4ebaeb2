"""Runs exported models on a device: numpy and one TFLite interpreter, no TensorFlow, no Keras."""

from export.runtime.opening import open_runner
from export.runtime.runners import ClipRunner, StreamRunner

__all__ = ["ClipRunner", "StreamRunner", "open_runner"]
