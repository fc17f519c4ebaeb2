import dataclasses

import pytest
from testing import refuses

from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.spec import ModelSpec
from tsm_tf.training.recipes.recipe import Recipe, linear_scaling, quick


def recipe(**changes):
    values = {
        "model": ModelSpec("resnet50", shift_mode="bidirectional"),
        "epochs": 50,
        "batch_size": 64,
        "learning_rate": 0.01,
        "weight_decay": 5e-4,
        "decay_epochs": (20, 40),
    }
    return Recipe(**{**values, **changes})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", -1),
        ("epochs", 0),
        ("batch_size", 0),
        ("accumulate", 0),
        ("seed", -1),
        ("seed", 2**32),
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("weight_decay", -1.0),
        ("clip_norm", float("nan")),
        ("warmup_epochs", -1.0),
    ],
)
def test_numbers_out_of_range(name, value):
    with refuses(name, f"Received: {value}"):
        recipe(**{name: value})


def test_unknown_choices():
    with refuses("optimizer", "sgd, adamw", "'lion'"):
        recipe(optimizer="lion")
    with refuses("schedule", "step, cosine, cosine_per_epoch", "'linear'"):
        recipe(schedule="linear")
    with refuses("warmup_epochs", "cosine_per_epoch", "1.0"):
        recipe(schedule="cosine_per_epoch", warmup_epochs=1.0)


def test_replace_changes_the_recipe_and_its_model():
    found = recipe().replace(num_segments=16, shift_place="block", batch_size=8, seed=3)
    assert (found.model.num_segments, found.model.shift_place) == (16, "block")
    assert (found.batch_size, found.seed, found.decay_epochs) == (8, 3, (20, 40))
    with refuses("ModelSpec", "keys", "'depth'"):
        recipe().replace(depth=3)
    with refuses("shift_mode", "Received: 'sideways'"):
        recipe().replace(shift_mode="sideways")


def test_another_number_of_epochs_moves_the_steps_of_the_rate():
    assert recipe().replace(epochs=25).decay_epochs == (10, 20)
    assert recipe().replace(epochs=3).decay_epochs == (1, 2)
    assert recipe().replace(epochs=25, decay_epochs=(5,)).decay_epochs == (5,)


def test_another_backbone_has_its_own_width_and_preprocessing():
    narrow = recipe(model=ModelSpec("mobilenet_v2", width=0.35))
    assert narrow.replace(backbone="resnet18").model.width == 1.0
    assert narrow.replace(backbone="mobilenet_v2").model.width == 0.35
    keras = narrow.replace(backbone="keras:MobileNetV2", width=0.5).model
    assert keras == ModelSpec("keras:MobileNetV2", width=0.5)
    assert keras.mean != narrow.model.mean
    flow = narrow.replace(modality="flow").model
    assert flow == ModelSpec("mobilenet_v2", width=0.35, modality="flow")


@pytest.mark.parametrize(
    ("model", "small"),
    [
        (ModelSpec("mobilenet_v2"), {"backbone": "mobilenet_v2", "width": 0.35}),
        (ModelSpec("resnet50"), {"backbone": "resnet18"}),
        (ModelSpec("resnet50", non_local=True), {"backbone": "resnet34", "non_local": True}),
        (
            ModelSpec("i3d_r50_3x1x1", num_segments=32, non_local=True),
            {"backbone": "i3d_r50_3x1x1", "width": 0.35, "num_segments": 8, "non_local": True},
        ),
        (ModelSpec("keras:DenseNet121"), {"backbone": "keras:DenseNet121"}),
        (ModelSpec("keras:Xception"), {"backbone": "keras:Xception", "input_size": 71}),
    ],
)
def test_quick_variant(model, small):
    found = quick(recipe(model=model, accumulate=2))
    assert found.model == ModelSpec(**{"num_segments": 4, "input_size": 64, **small})
    changed = {"model": found.model, "batch_size": 4, "epochs": 2, "decay_epochs": (1,)}
    assert found == dataclasses.replace(recipe(accumulate=2), **changed)
    assert quick(recipe(decay_epochs=())).decay_epochs == ()


def online(**changes):
    model = ModelSpec("mobilenet_v2", num_segments=8)
    return recipe(**{"model": model, "streams": StreamSampling(), "clip_epochs": 6, **changes})


def test_replace_changes_the_streams_by_the_same_names():
    found = online().replace(fps=6.0, window=12, batch_size=2, input_size=48)
    assert found.streams == StreamSampling(fps=6.0, window=12)
    assert (found.batch_size, found.model.input_size, found.model.fps) == (2, 48, None)
    assert online().replace(epochs=25).streams == StreamSampling()
    with refuses("window", "at least 1", "0"):
        online().replace(window=0)
    with refuses("window", "a recipe that trains on streams", "12"):
        recipe().replace(window=12)


def test_streams_need_an_online_model():
    for changes in ({"shift_mode": "bidirectional"}, {"backbone": "resnet50", "non_local": True}):
        with refuses(list(changes)[-1], "to stream"):
            online().replace(**changes)
    for value in (-1, 3):
        with refuses("clip_epochs", "0 for a recipe without streams", str(value)):
            recipe(clip_epochs=value)


def test_the_stage_on_clips_has_as_many_frames_per_step():
    stage = online(batch_size=4, epochs=36).clip_stage()
    assert (stage.streams, stage.epochs, stage.clip_epochs) == (None, 6, 0)
    assert stage.batch_size == 4 * 32 // 8
    assert online(batch_size=1).replace(window=4).clip_stage().batch_size == 1
    assert stage.model == online().model and stage.seed == online().seed


def test_quick_variant_of_streams():
    found = quick(online())
    assert found.streams == StreamSampling(window=8)
    assert (found.epochs, found.clip_epochs, found.model.num_segments) == (2, 1, 4)
    assert quick(online(clip_epochs=0)).clip_epochs == 0


def test_linear_scaling():
    reference = recipe(learning_rate=0.01, batch_size=64)
    found = linear_scaling(reference.replace(batch_size=128, accumulate=4), reference)
    assert (found.warmup_rate, found.learning_rate, found.warmup_epochs) == (0.01, 0.08, 5)
    short = linear_scaling(reference.replace(batch_size=128, epochs=4), reference)
    assert (short.learning_rate, short.warmup_epochs) == (0.02, 2)
    smaller = linear_scaling(reference.replace(batch_size=32), reference)
    assert (smaller.learning_rate, smaller.warmup_epochs, smaller.warmup_rate) == (0.005, 0, 0.0)
