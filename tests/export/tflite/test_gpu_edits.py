"""Covers `export.tflite.gpu_edits` and `export.format.padded_pools`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gpu import require_gpu
from testing import refuses

from export.format.padded_pools import padded_pools
from export.format.reader import parse_model
from export.runtime.engine import load_engine
from export.tflite.gpu_edits import separate_padding

layers = keras.layers


def convert(folder, *sequence):
    network = keras.Sequential([keras.Input((9, 12, 4), 1), *sequence])

    @tf.function(input_signature=[tf.TensorSpec((1, 9, 12, 4), tf.float32, name="image")])
    def serve(image):
        return {"logits": network(image)}

    module = tf.Module()
    module.variables_of_model = [variable.value for variable in network.variables]
    concrete = serve.get_concrete_function()  # pyright: ignore[reportFunctionMemberAccess]
    tf.saved_model.save(module, folder, {"serving_default": concrete})
    return tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()


MAXIMUM, AVERAGE = layers.MaxPooling2D(3, 2), layers.AveragePooling2D(3, 2)
PADDED = {
    "maximum": ([layers.ZeroPadding2D(1), MAXIMUM], True),
    "average": ([layers.ZeroPadding2D(((0, 1), (1, 2))), AVERAGE], True),
    "after relu": ([layers.ReLU(), layers.ZeroPadding2D(1), MAXIMUM], False),
    "after relu6": ([layers.ReLU(6), layers.ZeroPadding2D(1), MAXIMUM], False),
    "fused relu": (
        [layers.Conv2D(4, 1, activation="relu"), layers.ZeroPadding2D(1), MAXIMUM],
        False,
    ),
    "average after relu": ([layers.ReLU(), layers.ZeroPadding2D(1), AVERAGE], True),
    "no pool": ([layers.ZeroPadding2D(1), layers.Conv2D(2, 3)], False),
    "no padding": ([MAXIMUM], False),
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_is_separated_where_its_zeros_matter(name, tmp_path):
    sequence, is_found = PADDED[name]
    content = convert(tmp_path, *sequence)
    before = parse_model(content)
    assert bool(padded_pools(before.graphs[0])) == is_found
    edited = separate_padding(content)
    if not is_found:
        assert edited == content
        return

    after = parse_model(edited)
    assert padded_pools(after.graphs[0]) == []
    names = [operator.name for operator in after.graphs[0].operators]
    assert names[-3:-1] == ["PAD", "CONCATENATION"] and "POOL" in names[-1]
    image = np.random.default_rng(0).normal(-2, 1, (1, 9, 12, 4)).astype("float32")
    expected, actual = (
        load_engine(model, 1, "tensorflow", "none").step(image)["logits"]
        for model in (before, after)
    )
    np.testing.assert_array_equal(actual, expected)


def test_a_gpu_computes_the_edited_file(online, tmp_path):
    require_gpu(online)
    content = convert(tmp_path, *PADDED["maximum"][0])
    with refuses("model", "litert_gpu can run", "ignores the zeros", "export it again"):
        load_engine(parse_model(content), 1, "litert_gpu", "none")
    edited = parse_model(separate_padding(content))
    image = np.random.default_rng(0).normal(-2, 1, (1, 9, 12, 4)).astype("float32")
    expected, actual = (
        load_engine(edited, 1, runtime, "none").step(image)["logits"]
        for runtime in ("ai_edge_litert", "litert_gpu")
    )
    np.testing.assert_allclose(actual, expected, atol=1e-5)
