import pytest

from tsm_tf.detection.evaluation.subjects import name_subjects
from tsm_tf.errors import InputError, MissingFile


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder, checkpoints, detections=(), models=()):
    for name in checkpoints:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in (*detections, *models):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [subject.name for subject in name_subjects(checkpoints, models, detections)]


@pytest.mark.parametrize(
    ("checkpoints", "detections", "expected"),
    [
        (["runs/rfcn", "runs/tsm/"], ["out/fgfa.txt"], ["rfcn", "tsm", "fgfa"]),
        (["a/best", "b/last"], [], ["a", "b"]),
        (["a/best", "a/last"], [], ["best", "last"]),
        (["x/tsm/last", "y/tsm/last"], [], ["x_tsm", "y_tsm"]),
        (["a/tsm"], ["b/tsm.txt"], ["a_tsm", "b_tsm"]),
        (["my run: 1"], ["é"], ["my_run__1", "detector"]),
        (["x/a b", "x/a:b"], [], ["1_a_b", "2_a_b"]),
    ],
)
def test_names_are_short_and_different(folder, checkpoints, detections, expected):
    assert names(folder, checkpoints, detections) == expected


def test_kinds_are_known(folder):
    files = (["runs/tsm"], ["fast.tflite"], ["found.txt"])
    assert names(folder, files[0], files[2], files[1]) == ["tsm", "fast", "found"]
    kinds = [subject.kind for subject in name_subjects(*files)]
    assert kinds == ["checkpoints", "models", "detections"]


@pytest.mark.parametrize("flags", [([], [], []), (["a", "a"], [], []), (["a"], [], ["./a"])])
def test_none_or_the_same(flags):
    with pytest.raises(InputError, match="`checkpoints`"):
        name_subjects(*flags)


def test_missing_paths(folder):
    (folder / "a").mkdir()
    (folder / "f").touch()
    with pytest.raises(MissingFile, match=r"`checkpoints` must be existing folders.*'f'"):
        name_subjects(["a", "f"], [], [])
    with pytest.raises(MissingFile, match=r"`models` must be existing files.*'m'"):
        name_subjects([], ["m"], [])
    with pytest.raises(MissingFile, match=r"`detections` must be existing files.*'a'"):
        name_subjects([], [], ["f", "a"])
