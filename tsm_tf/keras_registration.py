"""Makes this package's classes known to Keras, without importing Keras.

`keras.models.load_model` finds custom classes only if they are registered. `import tsm_tf` must not
load Keras, which takes seconds, so the classes are registered when Keras is imported: now, if it
already is, or as soon as it will be.
"""

import importlib
import importlib.abc
import importlib.util
import sys

_MODULES = (
    # with `register_keras_serializable`, when they are imported
    "tsm_tf.detection.detect_boxes",
    "tsm_tf.detection.position_pool",
    "tsm_tf.detection.propose",
    "tsm_tf.layers.clip_conv",
    "tsm_tf.layers.clip_frames",
    "tsm_tf.layers.clip_pool",
    "tsm_tf.layers.correlation",
    "tsm_tf.layers.depthwise_clip_conv",
    "tsm_tf.layers.grouped_conv",
    "tsm_tf.layers.region_graph",
    "tsm_tf.layers.regions",
    "tsm_tf.layers.select_frames",
    "tsm_tf.layers.site",
    "tsm_tf.layers.streaming_temporal_shift",
    "tsm_tf.models.clip",
    "tsm_tf.training.step.optimizer",
)


def register() -> None:
    """Registers the classes with Keras, or arranges that this happens when Keras is imported."""
    if sys.modules.get("keras") is not None:
        _import_modules()
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _import_modules() -> None:
    for name in _MODULES:
        importlib.import_module(name)


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds `keras` as the other finders do, and registers the classes once it is loaded."""

    def find_spec(self, name, path, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _KerasLoader(spec.loader)
        return spec


class _KerasLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        _import_modules()
