"""Hostile descriptions of networks: the `keras_json` of a spec, or the JSON of a whole model.

`NETWORKS` maps the name of each case to a function from the description of a harmless network to
that of a hostile one. Payloads would write to `canary`, or change the process, if they ran.
"""

import base64
import copy
import functools
import marshal
import os

CANARY = os.environ.get("TSM_CANARY", "canary")

SAVED_MODEL = f"{CANARY}_model"  # writes the canary when it is loaded
LAYER = 2  # the position of the layer that is replaced: the first convolution's successor


def _code():
    function = compile(f"open({CANARY!r}, 'w')", "payload", "exec")
    return base64.b64encode(marshal.dumps(function)).decode()


def replaced(network, **fields):
    """Returns a network in which one layer is another object under the same name."""
    network = copy.deepcopy(network)
    layer = network["config"]["layers"][LAYER]
    layer.update(fields)
    if isinstance(layer["config"], dict):
        layer["config"].setdefault("name", layer["name"])
    return network


def configured(network, kind="Conv2D", **items):
    """Returns a network in which the first layer of a kind has other configuration items."""
    network = copy.deepcopy(network)
    layer = next(x for x in network["config"]["layers"] if x["class_name"] == kind)
    layer["config"].update(items)
    return network


def _class(name, module="keras.layers", registered_name=None, /, **config):
    return functools.partial(
        replaced,
        class_name=name,
        module=module,
        registered_name=registered_name,
        config=config,
    )


def _function(module, name):
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def _object(module, name, /, **config):
    return {"class_name": name, "module": module, "config": config, "registered_name": None}


def _wrapped(name, **config):
    return _class(name, layer=_object("keras.layers", "Lambda", function="relu"), **config)


_CLASSES = {
    # case: class, module, configuration; each would be instantiated if it was allowed
    **{
        f"layer_{name}": ("keras.layers", name, {})
        for name in (
            *("FlaxLayer", "JaxLayer", "TorchModuleWrapper", "Hashing", "HashedCrossing"),
            *("Pipeline", "RandAugment", "MixUp", "CutMix", "MelSpectrogram", "InputSpec", "Layer"),
        )
    },
    "layer_StringLookup": ("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
    "layer_IntegerLookup": ("keras.layers", "IntegerLookup", {"vocabulary": "/etc/passwd"}),
    "layer_TextVectorization": ("keras.layers", "TextVectorization", {"vocabulary": "/etc/passwd"}),
    "layer_TFSMLayer": ("keras.layers", "TFSMLayer", {"filepath": "/tmp"}),
    "os_system": ("os", "system", {"command": f"touch {CANARY}"}),
    "eval": ("builtins", "eval", {"source": f"open({CANARY!r}, 'w')"}),
    "popen": ("subprocess", "Popen", {"args": ["touch", CANARY]}),
    "write_file": ("tensorflow.io", "write_file", {"filename": CANARY, "contents": "x"}),
    "numpy_load": ("numpy", "load", {"file": "/etc/passwd"}),
    "torch_hub": ("torch.hub", "load", {"repo_or_dir": "a/b", "model": "c"}),
    "get_file": ("keras.utils", "get_file", {"fname": CANARY, "origin": "file:///etc/passwd"}),
    "plot_model": ("keras.utils", "plot_model", {"to_file": CANARY}),
    "gallery": ("keras.visualization", "plot_image_gallery", {"path": CANARY}),
    "set_floatx": ("keras.config", "set_floatx", {"value": "float16"}),
    "unsafe": ("keras.config", "enable_unsafe_deserialization", {}),
    "load_model": ("keras.saving", "load_model", {"filepath": "other.keras"}),
    "save_img": ("keras.utils", "save_img", {"path": CANARY, "x": [[[0]]]}),
    "private_load": ("keras.src.saving.saving_lib", "load_model", {"filepath": "other.keras"}),
    "csv_logger": ("keras.callbacks", "CSVLogger", {"filename": CANARY}),
    "model_checkpoint": ("keras.callbacks", "ModelCheckpoint", {"filepath": CANARY}),
    "export_archive": ("keras.export", "ExportArchive", {}),
    "optimizer": ("keras.optimizers", "SGD", {}),
    "loss": ("keras.losses", "MeanSquaredError", {}),
    "metric": ("keras.metrics", "Mean", {}),
    "feature_space": ("keras.utils", "FeatureSpace", {"features": {}}),
    "keras_hub": ("keras_hub.models", "Backbone", {}),
    "op_map": ("keras.src.ops.core", "Map", {}),
    "op_cond": ("keras.src.ops.core", "Cond", {}),
    "op_while": ("keras.src.ops.core", "WhileLoop", {"cond": "relu", "body": "relu"}),
    "quantized_policy": ("keras", "QuantizedDTypePolicy", {"mode": "int8"}),
    "variable": ("keras", "Variable", {"initializer": [1, 2]}),
}


def _lambdas():
    yield "lambda_code", {"class_name": "__lambda__", "config": {"value": _code()}}
    code = {"code": _code(), "defaults": None, "closure": None}
    yield "lambda_code_dict", {"class_name": "__lambda__", "config": code}
    yield "lambda_legacy", [_code(), None, None]
    yield "lambda_name", "relu"
    yield "lambda_function", _function("keras.visualization", "plot_image_gallery")
    yield "lambda_builtin", _function("builtins", "exec")
    yield "lambda_class", _object("keras.layers", "TFSMLayer")
    yield "lambda_class_name", "TFSMLayer"
    yield "lambda_deserialize", _function("keras.saving", "deserialize_keras_object")


def _positions():
    """Yields payloads at each place in a description where Keras deserialises something."""
    evil = _object("keras.layers", "Lambda", function="relu", arguments={"path": CANARY})
    gallery = _function("keras.visualization", "plot_image_gallery")
    for key in ("activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):
        yield f"{key}_function", functools.partial(configured, **{key: gallery})
        yield f"{key}_object", functools.partial(configured, **{key: evil})
        yield f"{key}_name", functools.partial(configured, **{key: "tsm_tf>GroupSGD"})
    yield "dtype_object", functools.partial(configured, dtype=evil)
    yield "dtype_name", functools.partial(configured, dtype="int8_from_float32")
    yield "quantization", functools.partial(configured, quantization_config=evil)
    yield "in_a_list", functools.partial(configured, strides=[evil])
    yield "in_a_dict", functools.partial(configured, strides={"a": {"b": evil}})
    yield "wrapper", _wrapped("TimeDistributed")
    yield "bidirectional", _wrapped("Bidirectional", merge_mode="concat")
    yield "spectral", _wrapped("SpectralNormalization")
    yield "nested_sequential", _class("Sequential", "keras", layers=[evil])
    inner = {"layers": [{**evil, "inbound_nodes": [], "name": "x"}]}
    functional = _class("Functional", "keras", input_layers=[], output_layers=[], **inner)
    yield "nested_functional", functional
    call = {"args": [evil], "kwargs": {}}
    yield "in_a_call", functools.partial(replaced, inbound_nodes=[call])
    yield "in_a_keyword", functools.partial(replaced, inbound_nodes=[{"args": [], "kwargs": call}])
    yield "in_build_config", functools.partial(replaced, build_config={"shapes_dict": evil})
    yield "registered_optimizer", _class("Dense", "keras.layers", "tsm_tf>GroupSGD", units=2)
    yield "registered_unknown", _class("Evil", "evil", "evil>Evil")
    yield "registered_os", _class("system", None, "os>system", command="true")
    for name in ("__typespec__", "__bytes__", "__unknown__"):
        special = {"class_name": name, "config": {"value": "x"}, "module": "os"}
        yield name, functools.partial(configured, strides=special)
    huge = {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "S2000000000"}}
    yield "numpy_type", functools.partial(configured, strides=huge)
    huge = {"class_name": "__tensor__", "config": {"value": ["a"], "dtype": "string"}}
    yield "tensor_type", functools.partial(configured, strides=huge)


def _called(module, name, value, **arguments):
    """Returns a case in which a `Lambda` layer calls a public class or function of Keras."""
    function = {**_object(module, name), "registered_name": name}
    config = {"function": function, "arguments": arguments, "output_shape": [3]}
    call = {"args": [], "kwargs": {"inputs": value}}
    return functools.partial(
        replaced,
        class_name="Lambda",
        module="keras.layers",
        registered_name=None,
        config=config,
        inbound_nodes=[call],
    )


def _live():
    """Yields payloads that run in Keras 3.15 with its safe mode, without the gate."""
    image = {"class_name": "__tensor__", "config": {"value": [[[[1.0] * 3]]], "dtype": "float32"}}
    gallery = {"path": f"{CANARY}.png", "rows": 1, "cols": 1}
    yield "live_gallery", _called("keras.visualization", "plot_image_gallery", image, **gallery)
    yield "live_floatx", _called("keras.config", "set_floatx", "float16")
    function = _function("keras.layers", "TFSMLayer")
    yield (
        "live_saved_model",
        functools.partial(
            replaced,
            class_name="Lambda",
            module="keras.layers",
            registered_name=None,
            config={"function": function, "output_shape": [3]},
            inbound_nodes=[{"args": [], "kwargs": {"inputs": SAVED_MODEL}}],
        ),
    )


def _malformed():
    yield "class_list", functools.partial(replaced, class_name=["Dense"])
    yield "class_none", functools.partial(replaced, class_name=None)
    yield "module_list", functools.partial(replaced, module=["keras"])
    yield "config_text", functools.partial(replaced, config="relu")
    yield "config_none", functools.partial(replaced, config=None)
    yield "config_list", functools.partial(replaced, config=[1, 2])
    for name, value in {
        "negative": -1,
        "float": 2.5,
        "text": "many",
        "zero": 0,
        "int64": 2**63,
        "long": 10**400,
        "infinite": float("inf"),
        "nan": float("nan"),
        "billion": 10**9,
        "hundred_million": 10**8,
        "dict": {"a": 1},
    }.items():
        yield f"filters_{name}", functools.partial(configured, filters=value)
    yield "kernel_100000", functools.partial(configured, kernel_size=[100_000, 100_000])
    yield "units_billion", functools.partial(configured, kind="Dense", units=10**9)
    orthogonal = {"class_name": "Orthogonal", "config": {}, "module": "keras.initializers"}
    yield (
        "orthogonal",
        functools.partial(configured, filters=20_000, kernel_initializer=orthogonal),
    )
    yield "embedding", _class("Embedding", input_dim=10**9, output_dim=1000)
    yield "values", functools.partial(configured, strides=[0] * 1_100_000)
    yield "unknown_item", functools.partial(configured, command="touch canary")
    yield "upsampling", _class("UpSampling2D", size=[10**6, 10**6])
    yield "padding", _class("ZeroPadding2D", padding=[10**9, 10**9])
    yield "reshape", _class("Reshape", target_shape=[7, 11])


def _graphs():
    def changed(network, **items):
        return {**network, "config": {**network["config"], **items}}

    yield "no_layers", functools.partial(changed, layers=[])
    yield "layers_none", functools.partial(changed, layers=None)
    yield "no_inputs", functools.partial(changed, input_layers=[])
    yield "unknown_input", functools.partial(changed, input_layers=[["nowhere", 0, 0]])
    yield "unknown_output", functools.partial(changed, output_layers=[["nowhere", 0, 0]])
    yield "output_index", functools.partial(changed, output_layers=[["dense", 99, 99]])
    yield "outputs_text", functools.partial(changed, output_layers="dense")
    yield "name_list", functools.partial(changed, name=["a"])

    def duplicated(network):
        return changed(network, layers=[*network["config"]["layers"]] * 2)

    def cyclic(network):
        network = copy.deepcopy(network)
        layers = network["config"]["layers"]
        layers[1]["inbound_nodes"] = copy.deepcopy(layers[3]["inbound_nodes"])
        return network

    def many(network):
        activation = _object("keras.layers", "ReLU", name="x")
        return changed(network, layers=[{**activation, "name": "x", "inbound_nodes": []}] * 5000)

    def nested(network):
        for _ in range(200):
            network = _object("keras", "Sequential", name="s", layers=[network])
        return network

    def nested_a_little(network):
        for _ in range(12):
            network = _object("keras", "Sequential", name="s", layers=[network])
        return network

    yield "duplicated", duplicated
    yield "cyclic", cyclic
    yield "many_layers", many
    yield "nested_models", nested
    yield "nested_a_little", nested_a_little
    for name, shape in (("size", [None, 64, 64, 3]), ("unknown", [None] * 4), ("flat", [None, 9])):
        items = {"kind": "InputLayer", "batch_shape": shape}
        yield f"input_{name}", functools.partial(configured, **items)


def _whole():
    """Yields what is no network at all."""
    yield "model_list", lambda _: [1]
    yield "model_text", lambda _: "Functional"
    yield "model_empty", lambda _: {}
    yield "model_dense", lambda _: _object("keras.layers", "Dense", units=2)
    yield "model_lambda", lambda _: _object("keras.layers", "Lambda", function="relu")
    yield "model_function", lambda _: _function("keras.utils", "get_file")
    yield "model_own", lambda _: {**_object(None, "GroupSGD"), "registered_name": "tsm_tf>GroupSGD"}
    yield "model_numpy", lambda _: {"class_name": "__numpy__", "config": {"value": [1]}}


def _networks():
    yield "harmless", lambda network: network
    for name, (module, class_name, config) in _CLASSES.items():
        yield name, _class(class_name, module, **config)
    for name, function in _lambdas():
        yield name, _class("Lambda", function=function, arguments={"path": CANARY})
    yield from _live()
    yield from _positions()
    yield from _malformed()
    yield from _graphs()
    yield from _whole()


NETWORKS = dict(_networks())
MAY_LOAD = {
    "duplicated",
    "nested_a_little",
    "registered_optimizer",
    "upsampling",
    "padding",
    "harmless",
}
"""Cases that may give a model, because nothing in them does harm."""
