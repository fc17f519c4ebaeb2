import os
import stat
import subprocess
import sys

import pytest
from testing import refuses

from export.edgetpu.compiler import compile_model
from export.edgetpu.report import check
from export.format.metadata import read_contents, read_spec


def run(*arguments, **environment):
    command = [sys.executable, "-m", "export.edgetpu", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}
    )


@pytest.fixture
def compiler(tmp_path):
    """A stand-in for the compiler: it copies the file without metadata and prints its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "edgetpu_compiler"
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\nprint('got', *sys.argv[1:])\n"
        "*_, output, model = sys.argv\n"
        "code = int(os.environ.get('COMPILER_EXIT', 0))\n"
        "model, output = pathlib.Path(model), pathlib.Path(output)\n"
        "data = model.read_bytes().replace(b'TSM_SPEC', b'NOT_OURS')\n"
        "code or (output / f'{model.stem}_edgetpu.tflite').write_bytes(data)\n"
        "sys.exit(code)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_compiler_runs_where_it_is_installed(model, int8, tmp_path, compiler, monkeypatch):
    done = run(f"--model={int8}", f"--output={tmp_path / 'out'}", **compiler)
    compiled = tmp_path / "out" / "small_int8_edgetpu.tflite"
    assert done.returncode == 0 and f"got -s -o {tmp_path / 'out'} {int8}" in done.stdout, (
        done.stderr
    )
    assert f"written to {compiled}" in done.stdout and read_spec(compiled) == model.spec
    assert read_contents(compiled).initial_caches == read_contents(int8).initial_caches
    before = compiled.read_bytes()
    done = run(f"--model={int8}", f"--output={tmp_path / 'out'}", **compiler)
    assert (
        done.returncode == 1 and "would be lost" in done.stderr and compiled.read_bytes() == before
    )
    done = run(f"--model={int8}", f"--output={tmp_path / 'o'}", COMPILER_EXIT="3", **compiler)
    assert done.returncode == 1 and "it exited with 3" in done.stderr
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_model(int8, tmp_path) is None
    with refuses("model", "must be a TFLite file"):
        (tmp_path / "text.tflite").write_text("something else")
        check(tmp_path / "text.tflite")
