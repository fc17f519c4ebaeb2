import dataclasses

import numpy as np
import pytest
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.errors import MissingFile
from tsm_tf.evaluation.scores import Scores

CLASSES = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=CLASSES, num_segments=2, input_size=32, width=0.35)


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return Scores(
        logits=rng.standard_normal((4, 3), np.float32),
        labels=np.array([2, 0, 1, 1]),
        names=("a b.mp4", "x/'é\".mp4", "s3://bucket/c.mp4", "日本.mp4"),
        classes=CLASSES,
        protocol="efficient",
        spec=SPEC,
        checkpoint_digest="0123abcd",
    )


def test_a_file_holds_the_scores_bit_for_bit(scores, tmp_path):
    path = tmp_path / "scores.npz"
    scores.save(path)
    loaded = Scores.load(path)

    assert loaded.logits.dtype == np.float32 and loaded.labels.dtype == np.int64
    assert loaded.logits.tobytes() == scores.logits.tobytes()
    assert loaded.labels.tolist() == [2, 0, 1, 1]
    for field in ("names", "classes", "protocol", "spec", "checkpoint_digest"):
        assert getattr(loaded, field) == getattr(scores, field), field
    assert [path.name for path in tmp_path.iterdir()] == ["scores.npz"]


def test_the_file_is_plain_numpy(scores, tmp_path):
    scores.save(tmp_path / "scores.npz")
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(field.name for field in dataclasses.fields(Scores))
        assert ModelSpec.from_json(str(arrays["spec"])) == SPEC


def test_predicted_is_the_largest_logit(scores):
    assert scores.predicted.tolist() == [int(np.argmax(row)) for row in scores.logits]


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("logits", np.zeros((4, 3)), "float64"),
        ("logits", np.zeros((3, 3), np.float32), "(4, 3)"),
        ("logits", np.zeros((4, 2), np.float32), "(4, 3)"),
        ("labels", np.array([2, 0, 1]), "(4,)"),
        ("labels", np.array([2.0, 0, 1, 1]), "float64"),
        ("labels", np.array([2, 0, 3, 1]), "from 0 to 2"),
        ("labels", np.array([2, 0, -1, 1]), "Received: -1"),
    ],
)
def test_refuses_arrays_that_do_not_match(scores, field, value, part):
    with refuses(field, part):
        dataclasses.replace(scores, **{field: value})


def test_refuses_no_videos(scores):
    with refuses("logits", "one row per video"):
        dataclasses.replace(
            scores,
            logits=scores.logits[:0],
            labels=scores.labels[:0],
            names=(),
        )


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(MissingFile, match="`scores` must be an existing file"):
        Scores.load(tmp_path / "scores.npz")


def test_refuses_damaged_and_other_files(scores, tmp_path):
    path = tmp_path / "scores.npz"
    scores.save(path)
    content = path.read_bytes()

    damaged = bytearray(content)
    damaged[content.index(scores.logits.tobytes()) + 5] ^= 1
    for other in (content[:-30], content[: len(content) // 2], bytes(damaged), b"", b"text"):
        path.write_bytes(other)
        with refuses("scores", "must be an intact file of scores", str(path)):
            Scores.load(path)

    np.savez(path, logits=scores.logits)
    with refuses("scores", "labels"):
        Scores.load(path)


def test_no_object_is_unpickled(scores, tmp_path):
    path = tmp_path / "scores.npz"
    np.savez(path, logits=np.array([print], object))
    with refuses("scores", "allow_pickle=False"):
        Scores.load(path)
