"""Only the signing command gets the password of a release key."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parent.parent.parent
PASSWORD = 'a $b\'s "password"'
TOOL = """#!/bin/sh
echo "$(basename $0) $* [$TSM_KEYSTORE_PASSWORD]" >> {log}
case $* in *--out*) touch {apk} ;; esac
"""


def test_only_apksigner_gets_the_password(tmp_path):
    """`make apk` with tools that log their arguments and the password in their environment."""
    log, apk, tools = tmp_path / "log", tmp_path / "tsm.apk", tmp_path / "bin"
    for tool in (tools / "bazel", tools / "apksigner", tmp_path / "venv" / "bin" / "python"):
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(TOOL.format(log=log, apk=apk))
        tool.chmod(0o755)
    (tmp_path / "venv" / ".installed").touch()
    model = tmp_path / "model.tflite"
    model.touch()

    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    environment |= {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "TSM_KEYSTORE": "/keys/release.keystore",
        "TSM_KEYSTORE_PASSWORD": PASSWORD,
        "TSM_KEY_ALIAS": "release",
    }
    make = ["make", "apk", f"APK={apk}", f"VENV={tmp_path / 'venv'}", f"MODEL={model}"]
    make.append(f"APK_MODELS={tmp_path / 'models'}")
    done = subprocess.run(make, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr

    lines = log.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["bazel", "bazel", "apksigner"]
    assert all(line.endswith(" []") for line in lines[:2])
    assert lines[2].endswith(f"--out {apk} build/bazel-bin/android_demo/unsigned.apk [{PASSWORD}]")
    assert "--ks /keys/release.keystore --ks-key-alias release --ks-pass env:" in lines[2]


def test_bazel_gives_its_actions_no_variable():
    assert "action_env" not in (ROOT / ".bazelrc").read_text(encoding="utf-8")
