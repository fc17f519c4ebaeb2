"""Builds Keras models from JSON that strangers wrote: the only place that deserialises a model.

Keras instantiates whatever class a JSON names, and its safe mode has been bypassed several times.
So Keras never sees the JSON of a file. It gets a copy that is written here and contains only known
classes (`keras_classes.py`), registered layers, known names and plain data.
"""

import json
from typing import Any, NoReturn

import keras

from tsm_tf.errors import InputError, one_line
from tsm_tf.keras_internals import limited_weights
from tsm_tf.models.keras_classes import CLASSES, CONSTANTS, MODELS, NAMES, UNNAMED_MODULES

MAX_BYTES = 16 << 20  # the largest network in keras.applications has 1 MB
MAX_WEIGHTS = 400_000_000  # the largest network in keras.applications has 350 million
_MAX_DEPTH = 60
_MAX_LAYERS = 3000
_MAX_VALUES = 1_000_000
_MAX_INTEGER = 2**53

_FRAMEWORKS = ("keras", "tensorflow", "tf_keras")  # their registered classes are not the user's


def model_from_json(text: str, argument: str, max_weights: int = MAX_WEIGHTS) -> keras.Model:
    """Builds the model that a JSON of Keras describes, without executing anything else.

    Args:
        text: the JSON, from any version of Keras, of a functional or sequential model.
        argument: the name of the argument that the text comes from, for errors.
        max_weights: the number of weights that the model may have.

    Raises:
        InputError: not the JSON of such a model; a class that is not allowed; too many layers,
            weights, values or levels.
    """
    if len(text) > MAX_BYTES:
        raise InputError(argument, f"must have at most {MAX_BYTES:,} bytes", len(text))
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        rule = f"must be the JSON of a Keras model ({one_line(error)})"
        raise InputError(argument, rule, text[:80]) from None

    if not isinstance(description, dict) or "class_name" not in description:
        raise InputError(argument, "must be the JSON of a Keras model", text[:80])
    checked = _Copier(argument).copy_object(description)

    try:
        with limited_weights(max_weights, argument):
            model = keras.saving.deserialize_keras_object(checked, safe_mode=True)
    except InputError:
        raise
    except Exception as error:  # Keras raises many kinds for layers that do not fit together
        rule = f"must be the JSON of a Keras model ({one_line(error)})"
        raise InputError(argument, rule, text[:80]) from error

    if not isinstance(model, keras.Model):
        raise InputError(argument, "must be the JSON of a Keras model", text[:80])
    return model


class _Copier:
    """Copies parsed JSON and raises at the first thing that is not allowed.

    Args:
        argument: see `model_from_json`.
    """

    def __init__(self, argument: str):
        self.argument = argument
        self.depth = self.values = self.layers = 0

    def copy_object(self, value: dict) -> dict:
        """Copies an object of Keras: `{"class_name": ..., "config": ...}` and a few more keys."""
        class_name, config = value["class_name"], value.get("config")
        if isinstance(class_name, str) and class_name in CONSTANTS:
            return {"class_name": class_name, "config": self.copy(config, "config")}

        module, class_name, registered_name = self._find_class(value)
        if module not in UNNAMED_MODULES[1:]:
            self._count_layer()
        if class_name == "Sequential" and isinstance(config, list):  # from Keras 1
            config = {"name": "sequential", "layers": config}
        if not isinstance(config, dict):
            self._refuse(f"must have a `config` for {class_name}", config)
        if value.get("module") is None:
            config = _modern(config, class_name)

        copied = {
            "module": module,
            "class_name": class_name,
            "registered_name": registered_name,
            "config": self._copy_items(config),
        }
        for name in ("name", "inbound_nodes", "build_config", "shared_object_id"):
            if name in value:
                copied[name] = self.copy(value[name], name)
        return copied

    def copy(self, value: Any, key: str) -> Any:
        """Copies a value that stands under a key, or in a list under it."""
        self.values += 1
        self.depth += 1
        if self.values > _MAX_VALUES or self.depth > _MAX_DEPTH:
            rule = f"must have at most {_MAX_VALUES:,} values, nested at most {_MAX_DEPTH} deep"
            self._refuse(rule, key)

        if isinstance(value, dict):
            is_object = "class_name" in value
            copied = self.copy_object(value) if is_object else self._copy_items(value)
        elif isinstance(value, list):
            copied = [self.copy(element, key) for element in value]
        elif isinstance(value, str):
            copied = self._copy_string(value, key)
        else:
            copied = value  # None, or a number
            if isinstance(value, int) and abs(value) > _MAX_INTEGER:
                self._refuse("must have integers below 2**53", str(key))
        self.depth -= 1
        return copied

    def _copy_items(self, items: dict) -> dict:
        return {key: self.copy(value, key) for key, value in items.items()}

    def _copy_string(self, value: str, key: str) -> str:
        names = NAMES.get(key.rpartition("_")[2])
        if names and value not in names:
            self._refuse(f"must have a known name for `{key}`", value)
        return value

    def _find_class(self, value: dict) -> tuple[str | None, str, str | None]:
        """Returns module, class and registered name of an allowed class for today's Keras."""
        name, module = value["class_name"], value.get("module")
        registered_name = value.get("registered_name")
        if not isinstance(name, str) or not isinstance(module, (str, type(None))):
            self._refuse("must have strings as names of classes", name)

        if name in MODELS:
            return (*MODELS[name], None)
        for candidate in UNNAMED_MODULES if module is None else (module,):
            if name in CLASSES.get(candidate, ()):
                return candidate, name, None
        for candidate in (registered_name, name):
            if _is_registered_layer(candidate):
                return None, name, candidate
        self._refuse(
            "may contain layers of Keras that only compute, and registered layers, but not "
            f"`{module}.{name}`; if you trust the file, load it with Keras and pass the model to "
            "tsm_tf.retrofit",
            name,
        )

    def _count_layer(self):
        self.layers += 1
        if self.layers > _MAX_LAYERS:
            self._refuse(f"must have at most {_MAX_LAYERS:,} layers", self.layers)

    def _refuse(self, rule: str, received: object) -> NoReturn:
        raise InputError(self.argument, rule, received)


def _is_registered_layer(name: Any) -> bool:
    """Returns whether a name is that of a layer which this project or the user has registered."""
    registered = keras.saving.get_custom_objects().get(name) if isinstance(name, str) else None
    if not isinstance(registered, type) or not issubclass(registered, keras.layers.Layer):
        return False
    return not registered.__module__.split(".")[0].startswith(_FRAMEWORKS)


def _modern(config: dict, class_name: str) -> dict:
    """Returns a layer's configuration from an older `.h5` file as today's layers take it."""
    config = dict(config)
    shape = config.pop("batch_input_shape", None)
    if shape is not None:
        config["batch_shape" if class_name == "InputLayer" else "input_shape"] = shape
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    return config
