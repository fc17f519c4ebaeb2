"""What a fresh environment gets from setup.cfg, the locks, the Makefile and the hooks."""

import ast
import configparser
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tsm_tf
from tsm_tf.errors import EXTRAS_OF_MODULE

ROOT = pathlib.Path(__file__).parent.parent
CAPTURE = {"capture_output": True, "text": True}
LANES = [
    # lock, Python, extras that are not for it
    ("lock.txt", "3.11", {"litert_torch"}),
    ("lock-latest.txt", "3.11", {"jax", "shards", "tflite-runtime", "litert_torch"}),
    ("lock-latest.txt", "3.12", {"shards", "tflite-runtime", "litert_torch"}),
    ("lock-latest.txt", "3.13", {"shards", "tflite-runtime", "litert_torch"}),
    (
        "lock-litert-torch.txt",
        "3.11",
        {"train", "shards", "export", "live", "tflite-runtime", "jax", "torch", "docs", "test"},
    ),
]


def read_setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def requirements(python="3.11", system="linux"):
    """The requirements that pip considers there, by extra."""
    config = read_setup()
    sections = {"base": config["options"]["install_requires"], **config["options.extras_require"]}
    return {name: for_target(text.split("\n"), python, system) for name, text in sections.items()}


def for_target(lines, python, system="linux"):
    found = [Requirement(line) for line in lines if line]
    target = {"python_version": python, "python_full_version": f"{python}.0"}
    target["sys_platform"] = system
    return [r for r in found if r.marker is None or r.marker.evaluate(target)]


def names(requirements):
    return {canonicalize_name(requirement.name) for requirement in requirements}


def commands():
    """The installed commands: console script and module."""
    lines = read_setup()["options.entry_points"]["console_scripts"].strip().split("\n")
    return dict(re.fullmatch(r"(tsm-[\w-]+) = (\S+):run_command", line).groups() for line in lines)


def locked(file, python):
    """The packages that pip considers there: version and extras by name."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    found = {}
    for line in lines[1:]:
        requirement, hashes, extras = re.fullmatch(
            r"(.*?)((?: --hash=sha256:[0-9a-f]{64})+)  # ([a-z_ -]+)", line
        ).groups()
        assert len(set(hashes.split())) == len(hashes.split())
        for package in for_target([requirement], python):
            assert package.name not in found, f"{package.name} has two versions"
            version = re.fullmatch(r"==([\w.]+)", str(package.specifier))[1]
            found[canonicalize_name(package.name)] = version, extras.split()
    return found


@pytest.mark.parametrize("file, python, left_out", LANES)
def test_every_requirement_is_locked(file, python, left_out):
    packages = locked(file, python)
    build_system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    extras = {**requirements(python), "build": for_target(build_system, python)}
    base = extras.pop("base")
    for extra, wanted in extras.items():
        if extra in left_out:
            continue
        for requirement in [*wanted, *(base if extra != "build" else [])]:
            version, needed_by = packages[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{extra}: {requirement}"
            assert extra in needed_by, f"{requirement.name} is not locked for {extra}"


def test_the_build_system_has_one_exact_version():
    build_system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    assert all(re.fullmatch(r"\w+==[\d.]+", line) for line in build_system["requires"])


@pytest.mark.slow
def test_pip_refuses_a_wheel_with_another_hash(tmp_path):
    """The Makefile's own command, with one digit of a hash changed."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes --no-deps --only-binary=:all:" in recipe

    (line,) = re.findall(r"^six==.*$", (ROOT / this_lane()[0]).read_text(), re.MULTILINE)
    at = line.index("sha256:") + len("sha256:")
    changed = line[:at] + ("0" if line[at] != "0" else "1") + line[at + 1 :]
    for content, succeeds in ((line, True), (changed, False)):
        (tmp_path / "requirements.txt").write_text(content)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--no-deps"]
        arguments = ["--only-binary=:all:", "-r", "requirements.txt"]
        done = subprocess.run([*pip, *arguments], cwd=tmp_path, **CAPTURE)
        assert (done.returncode == 0) == succeeds, done.stderr
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_errors_name_extras_that_install_the_module():
    packages = {"cv2": "opencv-contrib-python-headless", "sklearn": "scikit-learn", "PIL": "pillow"}
    extras = {extra: names(found) for extra, found in requirements().items()}
    for module, named in EXTRAS_OF_MODULE.items():
        package = canonicalize_name(packages.get(module, module))
        assert all(package in extras[extra] for extra in named), module


def test_base_is_small_and_live_has_no_tensorflow():
    extras = {extra: names(found) for extra, found in requirements().items()}
    assert extras["base"] == {"absl-py", "numpy"}
    assert not extras["live"] & {"tensorflow", "keras", "tensorflow-io"}
    assert {"tensorflow", "tensorflow-io", "keras", "av"} <= extras["train"]


@pytest.mark.parametrize(
    "python, system, has_tflite_runtime, has_tensorflow_io",
    [
        ("3.11", "linux", True, True),
        ("3.12", "linux", False, True),
        ("3.13", "linux", False, False),
        ("3.11", "darwin", False, True),
        ("3.12", "darwin", False, True),
        ("3.13", "darwin", False, False),
        ("3.11", "win32", False, False),
        ("3.13", "win32", False, False),
    ],
)
def test_markers_choose_packages_that_have_wheels(
    python, system, has_tflite_runtime, has_tensorflow_io
):
    extras = {extra: names(found) for extra, found in requirements(python, system).items()}
    assert "ai-edge-litert" in extras["live"]
    assert ("tflite-runtime" in extras["tflite-runtime"]) == has_tflite_runtime
    assert ("tensorflow-io" in extras["train"]) == has_tensorflow_io


def test_makefile_and_classifiers_name_the_same_pythons():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lanes = dict(re.findall(r"^LOCK_(3\.\d+) := (\S+)$", makefile, re.MULTILINE))
    versions = re.findall(r"Python :: (3\.\d+)\n", read_setup()["metadata"]["classifiers"] + "\n")
    assert list(lanes) == versions
    assert set(lanes.items()) <= {(python, file) for file, python, _ in LANES}


def test_another_python_is_one_line(tmp_path):
    """A stub that says it is Python 3.10."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.10\n")
    python.chmod(0o755)
    make = ["make", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", "env"]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(make, cwd=ROOT, env=environment, **CAPTURE)
    first, *rest = done.stderr.splitlines()
    assert first == f"error: Python 3.11, 3.12 or 3.13 is needed, found: {python} 3.10"
    assert done.returncode == 2 and len(rest) == 1 and rest[0].startswith("make: ***")
    assert not (tmp_path / "venv").exists()


def test_version_is_one():
    assert importlib.metadata.version("tsm-tf") == tsm_tf.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: \"?([\w.]+)\"?$", citation, re.MULTILINE) == [tsm_tf.__version__]


def test_every_command_has_a_console_script():
    """All but those that only the demo runs."""
    paths = [path for part in ("tsm_tf", "export") for path in (ROOT / part).rglob("*.py")]
    modules = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in paths
        if "cli.run(" in path.read_text(encoding="utf-8")
    }
    of_the_demos = {"export.demo.gif", "export.demo.unseen", "export.demo.detection.unseen"}
    assert set(commands().values()) == modules - of_the_demos


@pytest.mark.parametrize("script, module", commands().items())
def test_console_script_shows_its_flags(script, module):
    """The installed script, in a process, prints the docstring and the flags of its module."""
    command = [pathlib.Path(sys.executable).parent / script, "--help"]
    done = subprocess.run(command, cwd=ROOT, **CAPTURE)
    assert "Traceback" not in done.stderr, done.stderr

    source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    first_line = ast.get_docstring(ast.parse(source)).splitlines()[0]
    own = re.search(r"flags\.DEFINE_\w+\(\s*\"(\w+)\"", source)
    first_flag = own[1] if own else "output"  # defined in a module that several commands share
    assert first_line in done.stdout
    assert re.search(rf"^  --(\[no\])?{first_flag}: ", done.stdout, re.MULTILINE)


def test_hooks_run_what_make_lint_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1]
    lint = [line.strip().replace("$(RUN)", ".venv/bin/python") for line in recipe.splitlines()]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ +entry: (.*)$", hooks, re.MULTILINE)
    assert entries == lint and len(lint) >= 3
    assert re.findall(r"^ *- repo: (.*)$", hooks, re.MULTILINE) == ["local"]
    assert hooks.count("language: system") == len(entries)


def this_lane():
    """Returns the lock, the smallest interpreter for this Python, and its dependencies."""
    if sys.version_info < (3, 12):
        return "lock.txt", "tflite-runtime", set()
    needed = {"backports-strenum", "flatbuffers", "ml-dtypes", "protobuf", "tqdm"}
    return "lock-latest.txt", "ai-edge-litert", needed | {"typing-extensions"}


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, **CAPTURE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_environment(folder, *packages):
    """Returns the Python of a new environment with these packages and what pip adds to them."""
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    lock = (ROOT / this_lane()[0]).read_text(encoding="utf-8")
    versions = folder / "constraints.txt"
    versions.write_text(re.sub(r" --hash.*", "", lock))
    run(python, "-m", "pip", "install", "-q", "-c", versions, *packages)
    return python


@pytest.mark.slow
def test_a_board_needs_numpy_and_one_interpreter(tmp_path):
    model = tmp_path / "model"
    options = ["--online", "--width=0.35", "--input_size=64", "--variants=float32,int8"]
    export = [sys.executable, "-m", "export.tflite", *options, "--num_videos=2"]
    run(*export, f"--output={model}", cwd=tmp_path)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("tsm_tf-*.whl")
    content = zipfile.ZipFile(wheel).namelist()
    assert {"tsm_tf/py.typed", "export/py.typed", "export/demo/index.html.jinja"} <= set(content)
    assert {
        "tsm_tf/analysis/paper/latency.csv",
        "tsm_tf/analysis/report.html.jinja",
        "tsm_tf/weights/presets/presets.csv",
    } <= set(content)

    _, interpreter, needed = this_lane()
    python = new_environment(tmp_path / "venv", wheel, interpreter)
    listed = run(python, "-m", "pip", "list", "--format=freeze")
    installed = {canonicalize_name(line.partition("==")[0]) for line in listed.split()}
    expected = {"absl-py", "numpy", interpreter, "tsm-tf", *needed}
    assert installed - {"pip", "setuptools"} == expected

    files = sorted(model.glob("*.tflite"))
    code = (
        "import sys, numpy as np; from export.runtime import StreamRunner\n"
        "for path in sys.argv[1:]:\n"
        "    logits = StreamRunner(path).step(np.zeros((64, 64, 3), np.uint8))\n"
        "    assert logits.shape == (27,) and logits.dtype == np.float32\n"
        "    assert np.isfinite(logits).all()"
    )
    run(python, "-c", code, *files, cwd=tmp_path)

    benchmark = [python, "-m", "export.benchmark", f"--models={','.join(map(str, files))}"]
    said = run(*benchmark, "--rounds=1", f"--output={tmp_path / 'b'}", cwd=tmp_path)
    assert "no PNG: matplotlib is not installed" in said
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["latency.csv"]

    live = [python, "-m", "export.live", f"--model={files[0]}", "--video=x.mp4"]
    done = subprocess.run([*live, f"--output={tmp_path / 'l'}"], cwd=tmp_path, **CAPTURE)
    assert done.returncode == 1 and "pip install 'tsm-tf[live]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_fresh_environment_with_live_runs_the_device_side(tmp_path):
    python = new_environment(tmp_path / "venv", f"{ROOT}[live]")
    code = (
        "import export.runtime, export.live.__main__, tsm_tf, importlib.util as u\n"
        "assert not u.find_spec('tensorflow')\n"
        "from export.runtime.interpreter import INTERPRETERS\n"
        "assert any(u.find_spec(name) for name in INTERPRETERS)"
    )
    run(python, "-c", code, cwd=tmp_path)
    train = [python, "-m", "tsm_tf.training", "--recipe=gestures", "--data=x", "--output=y"]
    done = subprocess.run(train, **CAPTURE)
    assert done.returncode == 1 and "pip install 'tsm-tf[train]'" in done.stderr
    assert "Traceback" not in done.stderr
