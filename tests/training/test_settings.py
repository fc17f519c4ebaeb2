import subprocess
import sys

import pytest
from testing import refuses

from tsm_tf.training.settings import Execution, Initialization


def test_settings_and_recipes_load_neither_keras_nor_tensorflow():
    code = (
        "import sys, tsm_tf.training.settings, tsm_tf.training.recipes; "
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("strategy", "all", "auto, mirrored, multi_worker, tpu, none"),
        ("mixed_precision", "float8", "float16, bfloat16"),
        ("on_bad_video", "ignore", "stop, skip"),
        ("checkpoint_steps", -1, "at least 0"),
        ("cache_mib", -1, "at least 0"),
    ],
)
def test_execution_out_of_range(name, value, rule):
    with refuses(name, rule, f"Received: {value!r}"):
        Execution(**{name: value})


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_share_of_the_teacher_out_of_range(value):
    with refuses("distill_weight", "from 0 to 1", f"Received: {value}"):
        Initialization(distill_weight=value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_temperature_out_of_range(value):
    with refuses("temperature", "positive", f"Received: {value}"):
        Initialization(temperature=value)


def test_two_sources_of_weights():
    with refuses("weights", "must not be combined with init", "'imagenet'"):
        Initialization(init="runs/tsm", weights="imagenet")
    assert Initialization(weights="imagenet").init is None
