import pytest

from tsm_tf.detection.evaluation.subjects import name_subjects
from tsm_tf.errors import InputError


def names(checkpoints, detections=()):
    return [subject.name for subject in name_subjects(checkpoints, detections)]


def test_names_are_the_last_parts_of_the_paths():
    assert names(["runs/rfcn", "runs/tsm/"], ["out/fgfa.txt"]) == ["rfcn", "tsm", "fgfa"]
    assert names(["a/best", "b/best"]) == ["a_best", "b_best"]
    assert names(["a/tsm"], ["b/tsm.txt"]) == ["a_tsm", "b_tsm"]


def test_names_can_be_those_of_files(tmp_path):
    assert names([f"{tmp_path}/my run: 1/é"]) == ["detector"]
    first, second = names([f"{tmp_path}/a b", f"{tmp_path}/a:b"])
    assert (first, second) != ("a_b", "a_b") and first.startswith("1_") and second.endswith("a_b")


def test_files_are_known():
    subjects = name_subjects(["runs/tsm"], ["tsm.txt"])
    assert [subject.is_file for subject in subjects] == [False, True]


@pytest.mark.parametrize("flags", [([], []), (["a", "a"], []), (["a"], ["./a"])])
def test_none_or_the_same(flags):
    with pytest.raises(InputError, match="`checkpoints`"):
        name_subjects(*flags)
