import json
import signal
import subprocess
import sys

import pytest
from videos import write_data

from export.demo.__main__ import Step, plan, run
from export.demo.unseen import join
from tsm_tf.data.sources.video_file import probe


def test_every_step_is_a_command_that_exists(tmp_path):
    for step in plan(tmp_path, None, None, 9, 9):
        done = subprocess.run(
            [sys.executable, "-m", step.arguments[0], "--help"], capture_output=True, text=True
        )
        for argument in step.arguments[1:]:
            assert argument.split("=")[0].strip("-") in done.stdout, step.command


def test_goes_on_with_the_step_that_failed(tmp_path, capfd, monkeypatch):
    """The second step fails once: run again, the first is not repeated, and what the second left is cleared."""
    script = tmp_path / "twice.py"
    script.write_text(
        "import pathlib, sys\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "left = folder / 'work' / 'half.txt'\n"
        "print('ran', sys.argv[1])\n"
        "if sys.argv[1] == 'two' and not (folder / 'once').exists():\n"
        "    left.write_text(''); (folder / 'once').touch(); sys.exit(3)\n"
        "assert not left.exists()\n"
    )
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    steps = [Step("one", ("twice", "one")), Step("two", ("twice", "two"), tmp_path / "work")]
    with pytest.raises(subprocess.CalledProcessError):
        run(steps, tmp_path)
    assert json.loads((tmp_path / "steps.json").read_text()) == [steps[0].command]
    run(steps, tmp_path)
    run(steps, tmp_path)
    text = capfd.readouterr().out
    assert (
        text.count("ran one") == 1
        and text.count("ran two") == 2
        and "[1/2] one: done before" in text
    )
    assert (tmp_path / steps[1].log).read_text() == "ran two\nran two\n"


def test_ctrl_c_waits_for_the_step(tmp_path):
    """The step is told once, and what it says while it ends is still seen."""
    (tmp_path / "step.py").write_text(
        "import time\n"
        "try:\n"
        "    print('begun')\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"
        "    print('ended well')\n"
    )
    code = (
        "import pathlib; from export.demo.__main__ import Step, run\n"
        f"run([Step('one', ('step',)), Step('two', ('step',))], pathlib.Path({str(tmp_path)!r}))"
    )
    options = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "env": {"PYTHONPATH": str(tmp_path)},
    }
    with subprocess.Popen([sys.executable, "-c", code], **options) as process:
        while "begun" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, error = process.communicate()
    assert "ended well" in out and "two" not in out and error.rstrip().endswith("KeyboardInterrupt")
    assert not (tmp_path / "steps.json").exists()


def test_unseen_video_has_a_clip_of_each_class(tmp_path):
    data = write_data(
        tmp_path / "data", {"val": 5}
    )  # 10, 11 and 12 frames at 10 frames/s, two classes in turns
    assert join(data, tmp_path / "unseen.mp4") == [0, 1]
    info = probe(tmp_path / "unseen.mp4")
    assert (info.width, info.height, info.fps) == (64, 48, 15)
    assert info.num_frames == pytest.approx(1.5 * (10 + 11), abs=2)


def test_refuses_a_folder_with_something_else(tmp_path):
    (tmp_path / "mine").touch()
    done = subprocess.run(
        [sys.executable, "-m", "export.demo", f"--output={tmp_path}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "`output` must be a new or empty folder" in done.stderr


@pytest.mark.slow
def test_whole_demo_small(tmp_path):
    flags = ["--epochs=1", "--num_train=18", "--num_val=9", f"--output={tmp_path / 'demo'}"]
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "export.demo", *flags], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("done before") == len(plan(tmp_path, None, 1, 18, 9))
    page = (tmp_path / "demo" / "index.html").read_text()
    for name in (
        "stream/stream.gif",
        "tsm/curves.png",
        "evaluation/tsn/confusion.png",
        "data/contact_sheet.png",
    ):
        assert name in page and (tmp_path / "demo" / name).is_file()
    assert "python -m export.live" in page
