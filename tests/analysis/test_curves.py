import subprocess
import sys

from testing import refuses

from tsm_tf.analysis.curves import best_within, read_run


def write_run(folder, seconds, top1):
    folder.mkdir()
    rows = [f"{epoch},{s},{a}" for epoch, (s, a) in enumerate(zip(seconds, top1, strict=True), 1)]
    (folder / "log.csv").write_text("epoch,seconds,val_accuracy\n" + "\n".join(rows) + "\n")


def test_top1_over_the_time_since_the_start(tmp_path):
    write_run(tmp_path / "a", [30, 10, 10], [0.2, 0.6, 0.5])
    run = read_run(tmp_path / "a")
    assert run == [(30, 0.2), (40, 0.6), (50, 0.5)]
    assert [best_within(run, s) for s in (10, 30, 45, 99)] == [0, 0.2, 0.6, 0.6]
    (tmp_path / "b").mkdir()
    with refuses("runs", "log.csv", "b"):
        read_run(tmp_path / "b")
    write_run(tmp_path / "c", [], [])
    with refuses("runs", "finished an epoch"):
        read_run(tmp_path / "c")


def test_command(tmp_path):
    write_run(tmp_path / "a", [30, 10], [0.2, 0.6])
    write_run(tmp_path / "b", [20, 10, 20], [0.1, 0.3, 0.9])
    command = [sys.executable, "-m", "tsm_tf.analysis.curves", "--runs=a,b", "--output=out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert " 60.0% after 40 s" in done.stdout and " 30.0% after 40 s" in done.stdout
    assert (tmp_path / "out" / "curves.png").stat().st_size > 5000
