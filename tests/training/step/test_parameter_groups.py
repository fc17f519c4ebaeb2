import keras
import numpy as np
from testing import array, frames

from tsm_tf import ModelSpec, build_model, retrofit
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.step.optimizer import build_optimizer
from tsm_tf.training.step.parameter_groups import batch_norms, freeze_batch_norms, multipliers


def tiny(**changes):
    return build_model(
        ModelSpec.from_dict(
            {"backbone": "resnet18", "input_size": 32, "num_segments": 2, **changes}
        )
    )


def test_groups_of_the_original():
    model = tiny(backbone="resnet34", non_local=True, num_classes=3)
    groups = multipliers(model)
    assert set(groups) == {v.path for v in model.trainable_variables}
    assert groups["conv1/kernel"] == groups["layer4_0_conv1/kernel"] == (1, 1)
    assert groups["bn1/gamma"] == groups["layer1_0_bn2/beta"] == (1, 0)
    assert groups["layer2_0_nl/theta/kernel"] == (1, 1) and groups["layer2_0_nl/theta/bias"] == (
        2,
        0,
    )
    assert groups["head/kernel"] == (5, 1) and groups["head/bias"] == (10, 0)
    same_classes = multipliers(model, new_head=False)
    assert same_classes["head/kernel"] == (1, 1) and same_classes["head/bias"] == (2, 0)
    flow = multipliers(tiny(modality="flow"))
    assert flow["conv1/kernel"] == (5, 1) and flow["layer1_0_conv1/kernel"] == (1, 1)

    inputs = keras.Input((32, 32, 10))
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    x = keras.layers.Conv2D(4, 3, name="second")(x)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    biased = multipliers(retrofit(keras.Model(inputs, outputs), num_segments=2, shift_mode="none"))
    assert (biased["first/kernel"], biased["first/bias"]) == ((5, 1), (10, 0))
    assert (biased["second/kernel"], biased["second/bias"]) == ((1, 1), (2, 0))


def test_partial_batch_norm_trains_only_the_first():
    model = tiny(backbone="resnet34", non_local=True)
    norms = batch_norms(model)
    assert norms[0] is model.get_layer("bn1") and len(norms) == 36 + 5
    freeze_batch_norms(model)
    names = [v.path for v in model.trainable_variables if v.path.endswith(("gamma", "beta"))]
    assert sorted(names) == [
        "bn1/beta",
        "bn1/gamma",
    ] and "layer2_0_nl/W_1/gamma" not in multipliers(model)
    model.compile(
        build_optimizer(get_recipe("ucf101"), model, 10),
        "sparse_categorical_crossentropy",
        run_eagerly=True,
    )
    before = {v.path: array(v) for v in model.variables}
    model.fit(np.uint8(frames(2, 2, 32, 32, 3) * 50 + 128), np.array([0, 1]), verbose=0)
    changed = {v.path for v in model.variables if not np.array_equal(array(v), before[v.path])}
    assert {"bn1/gamma", "bn1/moving_mean", "layer1_0_conv1/kernel", "head/bias"} < changed
    assert not [path for path in changed if "bn" in path and not path.startswith("bn1/")]
