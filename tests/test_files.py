import pytest

from tsm_tf.files import remove_temporary_files, replacing, write_csv, write_text


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old ü\n")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old ü\n"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_csv_has_a_header_and_makes_its_folder(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    write_csv(path, [{"a": 1, "b": "x, y"}, {"a": 2, "b": ""}])
    assert path.read_text().splitlines() == ["a,b", '1,"x, y"', "2,"]
    write_csv(path, [], ("a", "b"))
    assert path.read_text().splitlines() == ["a,b"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / "best").mkdir()
    left = tmp_path / "best" / ".writing.spec.json"
    left.touch()
    (tmp_path / "kept.txt").touch()
    remove_temporary_files(tmp_path)
    assert not left.exists() and (tmp_path / "kept.txt").exists()
