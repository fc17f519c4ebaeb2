import json
import os

import pytest
from testing import refuses

from tsm_tf.output_folder import check_new, check_subject, claim

SUBJECT = {"seed": 0, "scales": (1, 0.5)}


def test_a_new_folder_is_claimed_once_and_found_again(tmp_path):
    folder = tmp_path / "a" / "b"
    assert not claim(folder, "run.json", SUBJECT)
    assert json.loads((folder / "run.json").read_text()) == {"seed": 0, "scales": [1, 0.5]}
    (folder / "result.txt").touch()
    assert claim(folder, "run.json", SUBJECT)


def test_another_subject_is_named_and_nothing_changes(tmp_path):
    claim(tmp_path, "run.json", SUBJECT)
    with refuses("output", "another seed", "has 0", "Received: 1"):
        claim(tmp_path, "run.json", {**SUBJECT, "seed": 1})
    with refuses("folder", "another scales"):
        check_subject(tmp_path, "run.json", {**SUBJECT, "scales": (1,)}, "folder")
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 0


def test_further_keys_of_the_marker_do_not_matter(tmp_path):
    (tmp_path / "metrics.json").write_text('{"split": "val", "top1": 0.5}')
    assert check_subject(tmp_path, "metrics.json", {"split": "val"})


@pytest.mark.parametrize(
    "content", ["", "[1]", "1", "null", "{", "\x00", "[" * 100_000, "9" * 5000]
)
def test_a_damaged_marker_is_one_clear_error(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with refuses("output", "readable run.json"):
        claim(tmp_path, "run.json", SUBJECT)


def test_a_marker_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "run.json").touch()
    os.truncate(tmp_path / "run.json", 1 << 40)  # sparse
    with refuses("output", "readable run.json (it is too large)"):
        claim(tmp_path, "run.json", SUBJECT)


def test_long_values_are_shortened(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"seed": "x" * 1_000_000}))
    with refuses("output", "another seed") as raised:
        claim(tmp_path, "run.json", SUBJECT)
    assert len(str(raised.value)) < 500


def test_what_is_no_folder_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("fifo", "loop", "nowhere"):
        with refuses("output", "must be a folder", name):
            claim(tmp_path / name, "run.json", SUBJECT)


def test_foreign_content_is_refused_and_hidden_files_are_not(tmp_path):
    (tmp_path / ".DS_Store").touch()
    check_new(tmp_path)
    check_new(tmp_path / "not there")
    (tmp_path / "notes.txt").touch()
    with refuses("output", "new or empty folder"):
        check_new(tmp_path)
    with refuses("output", "new or empty folder"):
        claim(tmp_path, "run.json", SUBJECT)
    with refuses("output", "must be a folder"):
        check_new(tmp_path / "notes.txt")
