"""Augmentation in trainings: from the flags to the labels of the loss.

`test_flow` also trains on mixed clips.
"""

import csv
import functools
import json

import numpy as np
import pytest
from absl import flags
from testing import refuses
from videos import write_data

from tsm_tf import load_checkpoint
from tsm_tf.data.augmentation_settings import AUGMENTATION_FIELDS, AugmentationSettings
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.training import augmentation_flags
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution
from tsm_tf.training.train import train

TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 1,
    "batch_size": 2,
    "num_segments": 2,
    "input_size": 32,
}


def test_recipes_take_augmentation_by_name():
    recipe = get_recipe("gestures", crop="scale_jitter", mixup=0.2)
    assert recipe.augmentation == AugmentationSettings("scale_jitter", (1, 0.875), mixup=0.2)
    assert get_recipe("kinetics").augmentation == AugmentationSettings()


def test_augmentation_that_makes_no_sense_is_refused():
    with refuses("mixup", "0 to train on streams"):
        get_recipe("gestures_online", mixup=0.2)
    with refuses("modality", "rgb to train on streams", "flow"):
        get_recipe("gestures_online", modality="flow")
    with refuses("color_jitter", "for flow"):
        get_recipe("ucf101", modality="flow", color_jitter=(0.4, 0.4, 0.4, 0))
    with refuses("cutmix", "from 0"):
        get_recipe("gestures", cutmix=-1.0)
    get_recipe("gestures_online", randaugment_ops=2, crop="random_resized")


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [1, 2])
def test_trains_on_mixed_clips(accumulate, tmp_path):
    """The loss takes soft labels; validation has the usual loss and top-1."""
    data = write_data(tmp_path / "data", {"train": 4, "val": 3})
    recipe = get_recipe(
        "gestures", **TINY, mixup=0.4, cutmix=1.0, randaugment_ops=1, accumulate=accumulate
    )
    train(recipe, data, tmp_path / "run", execution=Execution(strategy="none"))

    with (tmp_path / "run" / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    model = load_checkpoint(tmp_path / "run")
    (clips, labels), (last, last_label) = list(clip_dataset(data, model.spec, "val", 2))
    logits = np.concatenate([model.predict_on_batch(c) for c in (clips, last)])
    labels = np.concatenate([labels, last_label])
    shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -shares[np.arange(3), labels]
    assert float(row["val_loss"]) == pytest.approx(losses.mean(), rel=1e-3)
    assert float(row["val_accuracy"]) == pytest.approx((logits.argmax(axis=1) == labels).mean())

    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert settings["mixup"] == 0.4 and settings["scales"] == [1, 0.875]
    changed = get_recipe("gestures", **TINY, mixup=0.4, cutmix=1.0, accumulate=accumulate)
    with refuses("output", "another randaugment_ops"):
        train(changed, data, tmp_path / "run")


def test_flags_become_settings(monkeypatch):
    values = flags.FlagValues()
    for kind in ("DEFINE", "DEFINE_enum", "DEFINE_integer", "DEFINE_float"):
        define = functools.partial(getattr(flags, kind), flag_values=values)
        monkeypatch.setattr(flags, kind, define)
    augmentation_flags.define("Default: the recipe's.")
    assert {*values.flag_values_dict()} == {*AUGMENTATION_FIELDS} - {"scales"}
    assert not any(value is not None for value in values.flag_values_dict().values())

    given = ["--crop=scale_jitter", "--zoom=1,1.5", "--color_jitter=0.4,0.3,0.2,0.1"]
    values(["command", *given, "--randaugment_ops=2", "--mixup=0.2"])
    assert get_recipe("kinetics", **values.flag_values_dict()).augmentation == AugmentationSettings(
        "scale_jitter",
        zoom=(1, 1.5),
        color_jitter=(0.4, 0.3, 0.2, 0.1),
        randaugment_ops=2,
        mixup=0.2,
    )
    for bad in ("--zoom=a,b", "--zoom=", "--crop=corners"):
        with pytest.raises(flags.IllegalFlagValueError):
            values(["command", bad])
