"""Runs exported models on a device: numpy and one TFLite runtime, no TensorFlow, no Keras."""

from export.runtime.runners import ClipRunner, StreamRunner, load_runner

__all__ = ["ClipRunner", "StreamRunner", "load_runner"]
