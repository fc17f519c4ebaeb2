import json
import pathlib
import shlex
import sys
import time

import pytest
from testing import refuses

from export.live.event_outputs import EventCommand, EventFile
from export.live.events import Event

EVENT = Event('Drücken; "a"', 3, 1.23456, 0.98765432)
VALUES = {"label": 'Drücken; "a"', "index": 3, "seconds": 1.235, "probability": 0.9877}
PRINT_WORDS = (
    "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv))"
)
PYTHON = shlex.join([sys.executable, "-c", PRINT_WORDS])


def wait_for(path):
    end = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_event_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "new" / "events.jsonl"
    with EventFile(str(path)) as file:
        for count in (1, 2):
            file(EVENT)
            lines = path.read_text(encoding="utf-8").splitlines()
            assert [json.loads(line) for line in lines] == [VALUES] * count


def test_files_that_cannot_be_written(tmp_path):
    (tmp_path / "full.jsonl").write_text("{}")
    for path in (tmp_path, tmp_path / "full.jsonl"):
        with refuses("events", "must be a new or empty file", str(path)):
            EventFile(str(path))
    with refuses("events", "must be writable", "full.jsonl"):
        EventFile(str(tmp_path / "full.jsonl" / "below")).__enter__()
    rule = "must be writable and have free space"
    with refuses("events", rule, "/dev/full"), EventFile("/dev/full") as file:
        file(EVENT)


def test_a_label_is_one_word_whatever_it_holds(tmp_path):
    hostile = "$(touch a) `touch b`; touch c | \" ' {seconds} * ~ --help"
    command = f'{PYTHON} {tmp_path}/{{seconds}}.json {{label}} "<{{label}}, {{probability}}>" {{}}'
    with EventCommand(command) as run:
        run(Event(hostile, 0, 2.5, 0.5))
    wait_for(tmp_path / "2.5.json")
    words = json.loads((tmp_path / "2.5.json").read_text())[2:]
    assert words == [hostile, f"<{hostile}, 0.5>", "{}"]
    assert [path.name for path in tmp_path.iterdir()] == ["2.5.json"]
    assert not [name for name in "abc" if pathlib.Path(name).exists()]


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ("echo 'a", "must have matching quotes"),
        ("echo {lable}", "must have no placeholders but {label}, {seconds}, {probability}"),
        ("", "must start with a program that exists"),
        ("no-such-program {label}", "must start with a program that exists"),
        ("{label}", "must start with a program that exists"),
    ],
)
def test_bad_commands_are_refused_at_the_start(command, rule):
    with refuses("command", rule, repr(command)):
        EventCommand(command)


def test_failures_are_one_warning(capfd, tmp_path):
    with EventCommand("false {label}") as run:
        run(EVENT)
        run(EVENT)
    err = capfd.readouterr().err
    assert err.count("warning: the command false failed (exit status 1)") == 1
    assert err.count("\n") == 1

    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with EventCommand(str(program)) as run:
        run(EVENT)
    err = capfd.readouterr().err
    assert "could not be started" in err and err.count("\n") == 1


def test_commands_never_block(capfd):
    """Two more than may run at once; they are left running at the end."""
    started = time.monotonic()
    with EventCommand("sleep 5") as run:
        for _ in range(10):
            run(EVENT)
        assert time.monotonic() - started < 1
    assert time.monotonic() - started < 3
    assert capfd.readouterr().err.count("was skipped, because 8 are still running") == 1


def test_commands_get_no_input(tmp_path):
    """Standard input may be the video."""
    read = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(repr(sys.stdin.read()))"
    with EventCommand(f"{shlex.join([sys.executable, '-c', read])} {tmp_path}/input") as run:
        run(EVENT)
    wait_for(tmp_path / "input")
    assert (tmp_path / "input").read_text() == "''"
