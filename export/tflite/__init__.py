"""Converts Keras models to TFLite files."""

from export.tflite.exporter import *
