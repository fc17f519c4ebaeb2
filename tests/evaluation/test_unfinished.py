import numpy as np
import pytest
from testing import frames, refuses

from tsm_tf.evaluation import unfinished
from tsm_tf.evaluation.unfinished import Unfinished

SETTINGS = {"data": "data/a", "split": "val", "protocol": "efficient", "keep_damaged": False}
DIGESTS = {"the checkpoint": "12ab", "the list of videos": "34cd"}
LOGITS = frames(5, 3)
DONE = np.array([True, False, True, True, False])


@pytest.fixture
def part(tmp_path):
    """What is finished of five videos, in a new folder."""
    part = Unfinished(tmp_path / "new", SETTINGS)
    part.check()
    logits, done = part.load((5, 3), DIGESTS)
    assert not logits.any() and not done.any()
    part.save(LOGITS, DONE, force=True)
    return part


def test_the_same_evaluation_gets_its_rows_back(part):
    again = Unfinished(part.folder, SETTINGS)
    again.check()
    logits, done = again.load((5, 3), DIGESTS)
    np.testing.assert_array_equal(done, DONE)
    np.testing.assert_array_equal(logits, np.where(DONE[:, None], LOGITS, 0))
    again.remove()
    assert not list(part.folder.iterdir())


def test_another_evaluation_is_refused(part):
    with refuses("output", "another protocol", "'efficient'", "remove .unfinished.0.npz", "ten"):
        Unfinished(part.folder, {**SETTINGS, "protocol": "ten_crop"}).check()
    with refuses("output", "another val_share", "None", "0.2"):
        Unfinished(part.folder, {**SETTINGS, "val_share": 0.2}).check()


def test_what_changed_is_said_and_computed_again(part, capsys):
    for name in DIGESTS:
        _, done = Unfinished(part.folder, SETTINGS).load((5, 3), {**DIGESTS, name: "other"})
        assert not done.any()
        assert (
            capsys.readouterr().out
            == f"starting over: {name} changed since the unfinished evaluation\n"
        )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive"])
def test_a_damaged_file_is_said_and_computed_again(part, content, capsys):
    part.path.write_bytes(content)
    again = Unfinished(part.folder, SETTINGS)
    again.check()
    _, done = again.load((5, 3), DIGESTS)
    assert not done.any()
    assert capsys.readouterr().out == f"starting over: {part.path} is damaged\n"


def test_rows_of_another_shape_are_not_used(part, capsys):
    for shape in ((6, 3), (5, 4)):
        _, done = Unfinished(part.folder, SETTINGS).load(shape, DIGESTS)
        assert done.shape == shape[:1] and not done.any()
        assert "is damaged" in capsys.readouterr().out


def test_saves_now_and_then(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(unfinished.time, "monotonic", lambda: now)
    part = Unfinished(tmp_path, SETTINGS)
    now += 9
    part.save(LOGITS, DONE)
    assert not part.path.exists()
    now += 2
    part.save(LOGITS, np.zeros(5, bool))
    assert not part.path.exists()  # nothing is finished
    part.save(LOGITS, DONE)
    assert part.path.exists()
