import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from export.demo.run_steps import run
from export.demo.step import Step
from export.demo.steps import FULL, QUICK, plan


def test_every_step_is_a_command_that_exists(tmp_path):
    for step in plan(tmp_path, None, FULL):
        done = subprocess.run(
            [sys.executable, "-m", step.arguments[0], "--help"], capture_output=True, text=True
        )
        for argument in step.arguments[1:]:
            assert argument.split("=")[0].strip("-") in done.stdout, step.command


def test_event_rules_are_fitted_before_the_export(tmp_path):
    """And the GIF gets the video, the events and the truth that steps before it write."""
    steps = plan(tmp_path, None, QUICK)
    names = [step.name for step in steps]
    for name in ("TSM", "TSN"):
        fitted = names.index(f"evaluate {name} in streams")
        assert names.index(f"train {name}") < fitted < names.index(f"export {name}")
        assert "--background_minutes=0.5" in steps[fitted].arguments
        assert "--epochs=1" in steps[names.index(f"train {name}")].arguments

    gif = steps[names.index("draw the truth")]
    live = steps[names.index("stream an unseen video")]
    assert f"--events={tmp_path / 'stream' / 'events.jsonl'}" in set(live.arguments) & set(
        gif.arguments
    )
    assert f"--truth={tmp_path / 'unseen.csv'}" in gif.arguments


def test_own_videos_are_not_rendered(tmp_path):
    own = tmp_path / "own"
    steps = plan(tmp_path / "demo", own, FULL)
    assert not any(step.name.startswith(("render", "show")) for step in steps)
    training = [step for step in steps if step.name.startswith("train")]
    assert all(f"--data={own}" in step.arguments for step in training)
    assert [step.arguments[5:] for step in training] == [(), FULL.training["tsn"]]


def test_repeats_the_step_that_failed(tmp_path, capfd, monkeypatch):
    """The second step fails once. The next run skips the first and clears the second's folder."""
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


def test_continues_without_an_optional_step(tmp_path, capfd, monkeypatch):
    """It fails once, and the next run repeats it."""
    (tmp_path / "step.py").write_text(
        "import pathlib, sys\n"
        f"once = pathlib.Path({str(tmp_path / 'once')!r})\n"
        "print('ran', sys.argv[1])\n"
        "if sys.argv[1] == 'page' and not once.exists():\n"
        "    once.touch(); sys.exit('no npm')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    page = Step("write a page", ("step", "page"), optional=True)
    steps = [page, Step("two", ("step", "two"))]
    run(steps, tmp_path)
    text = capfd.readouterr().out
    assert text.index("no npm") < text.index(
        "*** THE DEMO CONTINUES WITHOUT THE STEP: write a page"
    )
    assert "ran two" in text
    run(steps, tmp_path)
    text = capfd.readouterr().out
    assert "ran page" in text and "ran two" not in text and "***" not in text
    assert len(json.loads((tmp_path / "steps.json").read_text())) == 2


def test_ctrl_c_waits_for_the_step(tmp_path):
    """The step gets one signal, and its last output is still shown."""
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
        "import pathlib; from export.demo.step import Step\n"
        "from export.demo.run_steps import run\n"
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


def test_sigterm_ends_the_step_and_its_processes(tmp_path):
    """At once, if the step ends on SIGTERM; otherwise it is killed, with what it started."""
    (tmp_path / "step.py").write_text(
        "import signal, subprocess, sys, time\n"
        "if sys.argv[1] == 'deaf':\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('begun', child.pid)\n"
        "time.sleep(60)\n"
    )
    code = (
        "import pathlib, sys; from export.demo import run_steps, steps; from tsm_tf import cli\n"
        "run_steps._SECONDS_TO_END = 1\n"
        "one = steps.Step('one', ('step', sys.argv.pop()))\n"
        f"cli.run(lambda: run_steps.run([one, one], pathlib.Path({str(tmp_path)!r})), lambda: None)"
    )
    options = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "env": {"PYTHONPATH": f"{tmp_path}:{os.getcwd()}"},
    }
    for kind in ("quick", "deaf"):
        started = time.monotonic()
        with subprocess.Popen([sys.executable, "-c", code, kind], **options) as process:
            while "begun" not in (line := process.stdout.readline()):
                assert process.poll() is None
            process.terminate()
            _, error = process.communicate()
        assert (process.returncode, error) == (143, "stopped by SIGTERM\n")
        assert time.monotonic() - started < 20
        assert not (tmp_path / "steps.json").exists()
        child = pathlib.Path("/proc", line.split()[1], "stat")
        while child.exists() and child.read_text().split()[2] != "Z":  # a kill takes a moment
            assert time.monotonic() - started < 30, kind
            time.sleep(0.01)
