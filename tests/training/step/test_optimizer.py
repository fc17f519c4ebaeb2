"""The optimizer against updates computed by hand and by PyTorch, on every backend."""

import keras
import numpy as np
import pytest
from testing import array, frames

from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.step.optimizer import EpochCosine, GroupSGD, StepDecay, build_optimizer

GROUPS = {"head/kernel": (5, 1), "head/bias": (10, 0)}
RATES = (0.1, 0.1, 0.1, 0.01, 0.01)


def small_variables():
    values = {
        "conv/kernel": frames(2, 3),
        "head/kernel": frames(3, seed=1),
        "head/bias": frames(2, seed=2),
    }
    variables = [
        keras.Variable(value, name=path.replace("/", "_")) for path, value in values.items()
    ]
    for variable, path in zip(variables, values, strict=True):
        variable._path = path
    return variables


def gradients(step):
    return [10 * frames(2, 3, seed=10 + step), frames(3, seed=20 + step), frames(2, seed=30 + step)]


def five_steps(optimizer, variables):
    optimizer.build(variables)
    for step in range(5):
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients(step)])
    return [array(v) for v in variables]


def test_five_updates_by_hand():
    variables = small_variables()
    expected = [array(v).astype("float64") for v in variables]
    velocities = [0, 0, 0]
    for step, rate in enumerate(RATES):
        grads = gradients(step)
        norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in grads))
        assert norm > 4
        for i, (lr, decay) in enumerate([(1, 1), (5, 1), (10, 0)]):
            gradient = grads[i] * 4 / norm + 0.5 * decay * expected[i]
            velocities[i] = 0.9 * velocities[i] + gradient
            expected[i] = expected[i] - rate * lr * velocities[i]
    optimizer = GroupSGD(StepDecay(0.1, 0, (3,)), 0.9, 0.5, GROUPS, 4.0)
    for value, wanted in zip(five_steps(optimizer, variables), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_five_updates_of_torch():
    """Runs in the environment of `make test-torch`."""
    torch = pytest.importorskip("torch")
    values = [torch.nn.Parameter(torch.tensor(array(v))) for v in small_variables()]
    pairs = zip(values, [(1, 1), (5, 1), (10, 0)], strict=True)
    sgd = torch.optim.SGD(
        [{"params": [v], "lr": 0.1 * lr, "weight_decay": 0.5 * wd} for v, (lr, wd) in pairs],
        0.1,
        0.9,
    )
    for step, rate in enumerate(RATES):
        for value, gradient in zip(values, gradients(step), strict=True):
            value.grad = torch.tensor(gradient)
        torch.nn.utils.clip_grad_norm_(values, 4.0)
        for group, factor in zip(sgd.param_groups, (1, 5, 10), strict=True):
            group["lr"] = rate * factor
        sgd.step()
    ours = five_steps(GroupSGD(StepDecay(0.1, 0, (3,)), 0.9, 0.5, GROUPS, 4.0), small_variables())
    for value, wanted in zip(ours, values, strict=True):
        np.testing.assert_allclose(value, wanted.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_config_makes_the_same_optimizer():
    optimizer = GroupSGD(0.5, 0.8, 0.1, GROUPS, 4.0)
    assert GroupSGD.from_config(optimizer.get_config()).get_config() == optimizer.get_config()
    schedule = EpochCosine(1.0, 10, 4)
    assert EpochCosine.from_config(schedule.get_config()).get_config() == schedule.get_config()


def test_step_decay():
    schedule = StepDecay(1.0, 4, (10, 20))
    rates = [float(schedule(step)) for step in (0, 2, 4, 9, 10, 20)]
    np.testing.assert_allclose(rates, [0, 0.5, 1, 1, 0.1, 0.01], rtol=1e-6)
    assert StepDecay.from_config(schedule.get_config()).get_config() == schedule.get_config()
    from_reference = StepDecay(1.0, 4, (), 0.5)
    assert [float(from_reference(step)) for step in (0, 2, 4)] == [0.5, 0.75, 1.0]
    assert float(StepDecay(1.0, 0, ())(0)) == 1.0


def test_cosine_of_the_original():
    rates = [float(EpochCosine(0.02, 10, 4)(step)) for step in (0, 9, 10, 20, 39)]
    expected = [0.5 * 0.02 * (1 + np.cos(np.pi * epoch / 4)) for epoch in (0, 0, 1, 2, 3)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_only_kernels_decay_with_adamw():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, name="d"), keras.layers.BatchNormalization()]
    )
    optimizer = build_optimizer(get_recipe("gestures", weight_decay=0.5), model, 10)
    optimizer.build(model.trainable_variables)
    decays = {v.path: optimizer._use_weight_decay(v) for v in model.trainable_variables}
    assert [path for path, does in decays.items() if does] == [model.get_layer("d").kernel.path]
