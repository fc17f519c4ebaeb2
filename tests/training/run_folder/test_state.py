import hashlib
import io
import json
import os
import zipfile

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


def archive(meta, compressed=False, **arrays):
    """The bytes of a state with any content."""
    buffer = io.BytesIO()
    meta = meta if isinstance(meta, str) else json.dumps(meta)
    (np.savez_compressed if compressed else np.savez)(buffer, meta=meta, **arrays)
    return buffer.getvalue()


def npy(header, data=b""):
    """The bytes of a state with an array of any header."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        meta = io.BytesIO()
        np.save(meta, json.dumps(META))
        file.writestr("meta.npy", meta.getvalue())
        text = header.encode()
        file.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data)
    return buffer.getvalue()


META = {"epoch": 2, "batch": 0, "seconds": 0.0, "history": [{"epoch": 1}, {"epoch": 2}]}
HOSTILE = {
    "nothing": b"",
    "text": b"hello",
    "an html page": b"<!doctype html>",
    "an empty archive": b"PK\x05\x06" + bytes(18),
    "a cut archive": archive(META)[:-10],
    "no meta": npy("{}").replace(b"meta", b"mata"),
    "meta that is no JSON": archive("{"),
    "deep JSON": archive("[" * 100_000),
    "a list": archive([1]),
    "null": archive("null"),
    "a huge number": archive(f'{{"epoch": {"9" * 5000}}}'),
    "an unknown field": archive({**META, "code": "x"}),
    "arrays in the meta": archive({**META, "arrays": {}}),
    "no history": archive({**META, "history": None}),
    "a short history": archive({**META, "history": []}),
    "history of text": archive({**META, "history": "ab"}),
    "rows of text": archive({**META, "history": [{"epoch": "1"}] * 2}),
    "rows without an epoch": archive({**META, "history": [{"loss": 1}] * 2}),
    "unequal rows": archive({**META, "history": [{"epoch": 1}, {"epoch": 2, "loss": 1}]}),
    "nested rows": archive({**META, "history": [{"epoch": 1, "loss": [1]}] * 2}),
    "an epoch of text": archive({**META, "epoch": "2"}),
    "an epoch that is true": archive({**META, "epoch": True}),
    "a negative epoch": archive({**META, "epoch": -1}),
    "a negative batch": archive({**META, "batch": -1}),
    "a batch with a fraction": archive({**META, "batch": 1.5}),
    "seconds of text": archive({**META, "seconds": "1"}),
    "pickled objects": archive(META, a=np.array([{}], dtype=object)),
    "a zip bomb": archive(META, compressed=True, a=np.zeros(1 << 20)),
    "an array larger than memory": npy(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1024)}"
    ),
    "an array with less data": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9,)}", b"x"),
    "a header with code": npy("{'descr': __import__('os').abort(), 'shape': ()}"),
    "a long header": npy("{" + " " * 60_000 + "}"),
}


def test_hostile_states_are_damaged_states(tmp_path, capsys):
    """They have the right checksum, and are newer than the honest state."""
    save_state(tmp_path, state(1, 0))
    for name, content in HOSTILE.items():
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = tmp_path / STATES / f"00002-0000000-{digest}.npz"
        path.write_bytes(content)
        assert load_newest(tmp_path).epoch == 1, name
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and f"{path} is damaged (" in lines[0], (name, lines)
        path.unlink()
    print(len(HOSTILE), "hostile states")

    digest = hashlib.sha256(archive(META)).hexdigest()[:16]
    (tmp_path / STATES / f"00002-0000000-{digest}.npz").write_bytes(archive(META))
    assert load_newest(tmp_path).epoch == 2


def test_a_state_that_is_too_large_is_not_read(tmp_path, capsys):
    save_state(tmp_path, state(1, 0))
    path = tmp_path / STATES / "00002-0000000-0000000000000000.npz"
    path.touch()
    os.truncate(path, 1 << 40)  # sparse
    assert load_newest(tmp_path, 1 << 20).epoch == 1
    assert "too large" in capsys.readouterr().err


def test_only_regular_files_are_states(tmp_path):
    """Nothing waits for a FIFO, and removing old states skips what cannot be one."""
    save_state(tmp_path, state(1, 0))
    folder = tmp_path / STATES
    os.mkfifo(folder / "9-1-a.npz")
    (folder / "9-2-b.npz").mkdir()
    (folder / "9-3-c.npz").symlink_to("/dev/zero")
    (folder / "9-4-d.npz").symlink_to(folder / "9-4-d.npz")
    (folder / "9.npz").symlink_to("gone")
    assert load_newest(tmp_path).epoch == 1
    for batch in range(1, KEPT + 2):
        save_state(tmp_path, state(1, batch))
    assert len(list(folder.iterdir())) == KEPT + 5 and load_newest(tmp_path).batch == KEPT + 1


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
