import pytest

from tsm_tf.training.run_folder.callbacks import Preempted
from tsm_tf.training.training_flags import resumable


def test_a_run_that_ends_says_nothing(capsys):
    with resumable("runs/a"):
        pass
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("stop", "end", "line"),
    [
        (KeyboardInterrupt, KeyboardInterrupt, "interrupted"),
        (Preempted, SystemExit, "stopped by SIGTERM"),
    ],
)
def test_a_run_that_is_stopped_says_how_to_resume(stop, end, line, capsys):
    with pytest.raises(end) as raised, resumable("runs/a"):
        raise stop
    assert end is KeyboardInterrupt or raised.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"\n{line}; run the same command again to resume runs/a")
