import hashlib
import io
import json

import numpy as np
import pytest

from tsm_tf.training.run_folder.state import (
    KEPT,
    OLD_STATES,
    STATES,
    TrainingState,
    load_newest,
    save_state,
)


def state(epoch, batch):
    return TrainingState(
        epoch, batch, 1.5, [{"epoch": 1, "loss": 0.1}], {"weight_0": np.arange(3) + epoch + batch}
    )


def test_round_trip(tmp_path):
    save_state(tmp_path, state(1, 7))
    found = load_newest(tmp_path)
    assert (found.epoch, found.batch, found.seconds, found.history) == (
        1,
        7,
        1.5,
        [{"epoch": 1, "loss": 0.1}],
    )
    np.testing.assert_array_equal(found.arrays["weight_0"], [8, 9, 10])
    assert load_newest(tmp_path / "nothing") is None


def test_the_newest_are_kept(tmp_path):
    for place in ((0, 9), (0, 10), (1, 0), (1, 2), (10, 0)):
        save_state(tmp_path, state(*place))
    assert len(list((tmp_path / STATES).iterdir())) == KEPT
    assert load_newest(tmp_path).epoch == 10


def test_a_run_of_an_older_version_is_continued(tmp_path):
    """Its states are in a folder of another name; they count, and are removed, like the others."""
    paths = [save_state(tmp_path, state(1, batch)) for batch in range(KEPT)]
    (tmp_path / STATES).rename(tmp_path / OLD_STATES)
    assert load_newest(tmp_path).batch == KEPT - 1
    new = save_state(tmp_path, state(2, 0))
    assert load_newest(tmp_path).epoch == 2
    assert list((tmp_path / STATES).iterdir()) == [new]
    left = sorted(path.name for path in (tmp_path / OLD_STATES).iterdir())
    assert left == [path.name for path in paths[1:]]


def test_place():
    assert state(2, 7).place == "epoch 3, step 7"
    assert state(2, 0).place == "the end of epoch 2"


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:100] + b"x" + data[101:], lambda _: b""]
)
def test_a_damaged_newest_falls_back_with_a_warning(tmp_path, capsys, damage):
    save_state(tmp_path, state(1, 0))
    newest = save_state(tmp_path, state(2, 0))
    newest.write_bytes(damage(newest.read_bytes()))
    assert load_newest(tmp_path).epoch == 1
    assert f"{newest} is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fields",
    [{"epoch": "1"}, {"epoch": -1}, {"batch": None}, {"history": [1]}, {"evil": 1}],
)
def test_a_state_of_a_stranger_is_damaged(tmp_path, capsys, fields):
    """Its digest is right, but its content is not what `save_state` writes."""
    save_state(tmp_path, state(1, 0))
    meta = {"epoch": 2, "batch": 0, "seconds": 0.0, "history": [], **fields}
    buffer = io.BytesIO()
    np.savez(buffer, meta=json.dumps(meta), weight_0=np.arange(3))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    path = tmp_path / STATES / f"00002-0000000-{digest}.npz"
    path.write_bytes(buffer.getvalue())
    assert load_newest(tmp_path).epoch == 1
    assert f"{path} is damaged" in capsys.readouterr().err


def test_unfinished_files_are_ignored(tmp_path):
    save_state(tmp_path, state(1, 0))
    (tmp_path / STATES / ".writing.1").write_bytes(b"half")
    assert load_newest(tmp_path).epoch == 1


def test_a_full_disk_leaves_no_part_of_a_state(tmp_path):
    save_state(tmp_path, state(1, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(OSError, match="No space left"):
            save_state(tmp_path, state(2, 0))
    assert len(list((tmp_path / STATES).iterdir())) == 1 and load_newest(tmp_path).epoch == 1
