"""`ClipModel` through everything that Keras does with a model."""

import copy
import subprocess
import sys

import keras
import numpy as np
import pytest
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import ClipModel, ModelSpec, build_model, load_checkpoint, retrofit, save_checkpoint

SPEC = ModelSpec(
    num_classes=3,
    labels=("a", "b", "ü"),
    num_segments=4,
    input_size=32,
    width=0.35,
    fps=5.0,
)
X = video_frames(2, 4, 32, 32, 3)


def small_network():
    x = inputs = keras.Input((32, 32, 3))
    y = keras.layers.Conv2D(8, 3, padding="same")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", name="inner")(y)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))


MODELS = {
    "mobilenet_v2": lambda: build_model(SPEC),
    "non-local and pooled": lambda: build_model(
        SPEC.replace(
            backbone="resnet34",
            width=1.0,
            shift_mode="bidirectional",
            non_local=True,
            temporal_pool=True,
        )
    ),
    "retrofit": lambda: retrofit(small_network(), 4, "unidirectional", preprocess="tf"),
    "per frame": lambda: build_model(SPEC, per_frame=True),
    "without preprocessing": lambda: build_model(SPEC, preprocess=False),
}


def through_a_file(model, tmp_path):
    model.save(tmp_path / "clip.keras")
    return keras.models.load_model(tmp_path / "clip.keras")


def through_a_clone(model, tmp_path):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def through_its_config(model, tmp_path):
    same = type(model).from_config(model.get_config())
    same.set_weights(model.get_weights())
    return same


WAYS = {
    "file": through_a_file,
    "clone": through_a_clone,
    "deep copy": lambda model, _: copy.deepcopy(model),
    "config": through_its_config,
}


CASES = [*(("mobilenet_v2", way) for way in WAYS), *((name, "file") for name in MODELS)]


@pytest.mark.parametrize("name, way", dict.fromkeys(CASES))
def test_a_copy_is_a_clip_model_with_the_same_spec_and_logits(name, way, tmp_path):
    model = with_weights(MODELS[name]())
    same = WAYS[way](model, tmp_path)
    assert type(same) is ClipModel and same.spec == model.spec
    assert not {id(v) for v in same.variables} & {id(v) for v in model.variables}
    np.testing.assert_array_equal(array(same(X)), array(model(X)))


@pytest.mark.parametrize("way", ["file", "clone"])
def test_a_copy_still_streams_and_is_saved(way, tmp_path):
    model = with_weights(build_model(SPEC))
    same = WAYS[way](model, tmp_path)
    save_checkpoint(same, tmp_path / "checkpoint")
    np.testing.assert_array_equal(
        array(load_checkpoint(tmp_path / "checkpoint")(X)), array(model(X))
    )
    stream, state, logits = same.stream(), same.initial_state(2), []
    for t in range(4):
        outputs = stream({"image": keras.ops.convert_to_tensor(X[:, t], "float32"), **state})
        logits.append(array(outputs.pop("logits")))
        state = outputs
    np.testing.assert_allclose(np.mean(logits, axis=0), array(model(X)), rtol=1e-4, atol=1e-4)


def in_a_fresh_process(code, folder):
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_fresh_process_needs_import_tsm_tf_alone(tmp_path):
    model = with_weights(build_model(SPEC))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.save(tmp_path / "clip.keras")
    np.save(tmp_path / "x.npy", X)
    code = (
        "import tsm_tf, keras; import numpy as np\n"
        "model = keras.models.load_model('clip.keras')\n"
        "assert model.compiled\n"
        "logits = keras.ops.convert_to_numpy(model(np.load('x.npy')))\n"
        "np.save('logits.npy', logits)\n"
        "assert model.spec.labels == ('a', 'b', 'ü')\n"
        "assert list(model.stream().input)[:2] == ['image', 'shift_00']\n"
        "tsm_tf.save_checkpoint(model, 'checkpoint')\n"
    )
    in_a_fresh_process(code, tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), array(model(X)), atol=1e-5)
    assert load_checkpoint(tmp_path / "checkpoint").spec == SPEC


def test_the_order_of_imports_does_not_matter(tmp_path):
    code = (
        "import {}; names = set(keras.saving.get_custom_objects())\n"
        "assert {{'tsm_tf>ClipModel', 'tsm_tf>GroupSGD', 'tsm_tf>TemporalShift'}} <= names"
    )
    for order in ("keras, tsm_tf", "tsm_tf, keras"):
        in_a_fresh_process(code.format(order), tmp_path)


def test_copies_have_their_own_weights():
    model = build_model(SPEC)
    before = model.get_weights()
    same = copy.deepcopy(model)
    same.set_weights([w + 1 for w in before])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_per_frame_shares_weights_and_takes_another_length():
    model = with_weights(build_model(SPEC))
    frames = model.per_frame()
    np.testing.assert_allclose(array(frames(X)).mean(1), array(model(X)), rtol=1e-5, atol=1e-5)
    longer = model.per_frame(num_segments=6)
    assert longer.output.shape == (None, 6, 3) and longer.spec.num_segments == 6
    assert {id(v) for v in longer.variables} <= {id(v) for v in model.variables}
    expected = build_model(SPEC.replace(num_segments=6), per_frame=True)
    expected.set_weights(model.get_weights())
    x = video_frames(1, 6, 32, 32, 3)
    np.testing.assert_array_equal(array(longer(x)), array(expected(x)))


def test_per_frame_of_a_pooled_model_has_half_the_frames():
    spec = SPEC.replace(backbone="resnet18", width=1.0, temporal_pool=True)
    assert build_model(spec).per_frame(num_segments=6).output.shape == (None, 3, 3)


def test_non_local_blocks_have_a_fixed_length():
    model = MODELS["non-local and pooled"]()
    assert model.per_frame().output.shape == (None, 2, 3)
    with refuses("num_segments", "non-local blocks have a fixed length"):
        model.per_frame(num_segments=8)


def test_mixed_precision_survives_a_file(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = with_weights(build_model(SPEC))
    finally:
        keras.config.set_dtype_policy("float32")
    same = through_a_file(model, tmp_path)
    assert same.get_layer("head").compute_dtype == "bfloat16"
    np.testing.assert_array_equal(array(same(X)), array(model(X)))


@pytest.mark.parametrize(
    ("mode", "length", "field", "first", "last"),
    [("none", 3, 1, 1, 1), ("unidirectional", 14, 11, 1, 11), ("bidirectional", 25, 21, 2, 22)],
)
def test_the_receptive_field_is_what_a_frame_influences(mode, length, field, first, last):
    """Frame 1 influences frames 1 to 11; frame 12 in the middle those up to 10 before and after."""
    model = with_weights(build_model(SPEC.replace(shift_mode=mode, num_segments=length)))
    per_frame = model.per_frame()
    assert model.receptive_field == per_frame.receptive_field == field
    clip = video_frames(1, length, 32, 32, 3).astype("float32")
    changed = clip.copy()
    changed[:, (first + last) // 2 if mode == "bidirectional" else first] += 1e4
    different = (array(per_frame(clip)) != array(per_frame(changed))).any(axis=(0, 2))
    assert np.flatnonzero(different).tolist() == list(range(first, last + 1))
    if mode != "bidirectional":
        assert model.stream().receptive_field == field


def test_the_receptive_field_ends_with_the_clip():
    spec = SPEC.replace(shift_mode="bidirectional")
    assert build_model(spec).receptive_field == 4
    pooled = spec.replace(backbone="resnet18", width=1.0, temporal_pool=True)
    assert build_model(pooled).receptive_field == 4
