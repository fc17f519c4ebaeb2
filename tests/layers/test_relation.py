import itertools

import keras
import numpy as np
import pytest
from testing import array, assert_layer_works, frames, refuses, video_frames

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint
from tsm_tf.layers.relation import TemporalRelation
from tsm_tf.weights.pretrained import initial_weights

FOUR = ((0, 1, 2), (0, 1, 3), (1, 2, 3), (0, 1), (0, 3), (1, 3))
SPEC = ModelSpec(
    "mobilenet_v2",
    num_classes=5,
    width=0.1,
    num_segments=4,
    input_size=32,
    shift_mode="none",
)


def compare(layer, index, rows):
    """The network with one hidden layer of one scale, in numpy."""
    hidden, logits = layer.hidden[index], layer.logits[index]
    y = np.maximum(rows @ array(hidden.kernel) + array(hidden.bias), 0)
    return y @ array(logits.kernel) + array(logits.bias)


def built(consensus, **kwargs):
    keras.utils.set_random_seed(3)
    layer = TemporalRelation(4, 5, consensus, **kwargs)
    x = frames(8, 6)
    layer.build(x.shape)
    return layer, x, np.maximum(x, 0).reshape(2, 4, 6)


def test_one_relation_of_all_frames():
    layer, x, clips = built("trn")
    expected = compare(layer, 0, clips.reshape(2, 24))
    np.testing.assert_allclose(array(layer(x)), expected, rtol=0, atol=1e-5)
    assert [v.path.split("/", 1)[1] for v in layer.weights] == [
        "classifier_1/kernel",
        "classifier_1/bias",
        "classifier_3/kernel",
        "classifier_3/bias",
    ]


def test_the_sum_over_scales_with_fixed_relations():
    layer, x, clips = built("trn_multiscale", relations=FOUR)
    expected = [compare(layer, 0, clips.reshape(2, 24))]
    for relation in FOUR:
        rows = clips[:, list(relation)].reshape(2, -1)
        expected.append(compare(layer, 4 - len(relation), rows))
    terms = array(layer.relation_logits(keras.ops.convert_to_tensor(x)))
    np.testing.assert_allclose(terms, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(array(layer(x)), sum(expected), rtol=0, atol=1e-4)


def test_training_draws_different_relations_by_seed():
    layer, x, clips = built("trn_multiscale", relations=FOUR)
    possible = {
        scale: [
            compare(layer, 4 - scale, clips[:, list(relation)].reshape(2, -1))
            for relation in itertools.combinations(range(4), scale)
        ]
        for scale in (3, 2)
    }

    def draw(seed):
        keras.utils.set_random_seed(seed)
        other = TemporalRelation(4, 5, relations=FOUR)
        other.build(x.shape)
        other.set_weights(layer.get_weights())
        drawn = []
        for _ in range(8):
            terms = array(other.relation_logits(keras.ops.convert_to_tensor(x), training=True))
            for scale, group in ((3, terms[1:4]), (2, terms[4:7])):
                matches = [
                    [i for i, y in enumerate(possible[scale]) if np.allclose(y, term, atol=1e-5)]
                    for term in group
                ]
                numbers = [number for (number,) in matches]
                assert len(set(numbers)) == 3
                drawn.append(numbers)
        return drawn

    first = draw(7)
    assert draw(7) == first and draw(8) != first
    assert {number for numbers in first[1::2] for number in numbers} == set(range(6))


@pytest.mark.parametrize("consensus", ["trn", "trn_multiscale"])
def test_works_everywhere(consensus, tmp_path, monkeypatch):
    def start(*_):
        return keras.initializers.Constant(0.005)  # in all float types

    monkeypatch.setattr(keras.initializers, "VarianceScaling", start)
    assert TemporalRelation(4, 5, consensus).compute_output_shape((8, 6)) == (2, 5)
    assert_layer_works(
        lambda **kwargs: TemporalRelation(4, 5, consensus, **kwargs), frames(8, 6), tmp_path
    )


def test_refuses_what_cannot_be():
    with refuses("consensus", "trn", "average"):
        TemporalRelation(4, 5, "average")
    with refuses("num_segments", "at least 2", "1"):
        TemporalRelation(1, 5)


@pytest.mark.parametrize("consensus", ["trn", "trn_multiscale"])
def test_a_model_trains_and_is_saved(consensus, tmp_path):
    model = build_model(SPEC.replace(consensus=consensus))
    assert model.receptive_field == 4
    x = video_frames(2, 4, 32, 32, 3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    kernel = model.get_layer("consensus").hidden[-1].kernel
    before = array(kernel).copy()
    model.fit(x, np.array([1, 3]), epochs=1, verbose=0)
    assert np.abs(array(kernel) - before).max() > 0

    expected = array(model(x))
    np.testing.assert_array_equal(array(model(x)), expected)
    save_checkpoint(model, tmp_path / "checkpoint")
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert loaded.spec == model.spec
    np.testing.assert_array_equal(array(loaded(x)), expected)
    model.save(tmp_path / "clip.keras")
    loaded = keras.models.load_model(tmp_path / "clip.keras")
    np.testing.assert_array_equal(array(loaded(x)), expected)
    assert model.resized(64, 0.875).output.shape == (None, 5)
    with refuses("consensus", "average", "relations"):
        model.per_frame()
    with refuses("consensus", "average to stream"):
        model.stream()


def test_relations_for_other_clips_stay_new(tmp_path):
    save_checkpoint(build_model(SPEC.replace(consensus="trn")), tmp_path)
    same = initial_weights(build_model(SPEC.replace(consensus="trn")), str(tmp_path))
    assert same == []
    longer = SPEC.replace(consensus="trn", num_segments=6)
    stays = initial_weights(build_model(longer), str(tmp_path))
    assert {path.split("/")[0] for path in stays} == {"head", "consensus"}


def test_networks_with_a_classifier_of_their_own_have_no_relations():
    x = keras.Input((32, 32, 3))
    y = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(16, 3, name="conv")(x))
    network = keras.Model(x, keras.layers.Dense(5)(y))
    spec = SPEC.replace(
        backbone="keras", width=1.0, keras_json=network.to_json(), mean=None, std=None
    )
    with refuses("consensus", "average", "classifier of its own"):
        build_model(spec.replace(consensus="trn"))
