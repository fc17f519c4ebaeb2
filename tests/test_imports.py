"""Who may import whom: docs/architecture.md."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
ALLOWED = {
    # part: what its modules may import of the project and, of these third parties, what
    "tsm_tf/spec.py": {"tsm_tf.errors"},
    "tsm_tf/errors.py": set(),
    "tsm_tf/layers": {"tsm_tf.errors", "keras"},
    "tsm_tf/backbones": {"tsm_tf.spec", "tsm_tf.backbones", "keras"},
    "tsm_tf/models": {
        *("tsm_tf.errors", "tsm_tf.spec", "tsm_tf.layers", "tsm_tf.backbones", "tsm_tf.models"),
        "keras",
    },
    "tsm_tf/weights": {
        *(
            "tsm_tf.errors",
            "tsm_tf.cli",
            "tsm_tf.spec",
            "tsm_tf.backbones",
            "tsm_tf.models",
            "tsm_tf.weights",
        ),
        *("keras", "torch", "safetensors"),
    },
    "tsm_tf/data": {
        *("tsm_tf.errors", "tsm_tf.cli", "tsm_tf.files", "tsm_tf.output_folder", "tsm_tf.spec"),
        *("tsm_tf.data", "av", "cv2"),
    },
    "tsm_tf/data/pipeline.py": {"tsm_tf.errors", "tsm_tf.spec", "tsm_tf.data", "tensorflow"},
    "tsm_tf": {"tsm_tf", "keras", "tensorflow", "matplotlib", "av", "cv2"},
    # what a device does with a file before it runs
    "export/format": {"tsm_tf.errors", "tsm_tf.spec", "export.format"},
    "export/format/metadata.py": {"tsm_tf.errors", "tsm_tf.spec", "export.format", "tensorflow"},
    # a runtime is imported by its name
    "export/runtime": {"tsm_tf.errors", "tsm_tf.spec", "export.format", "export.runtime"},
}
THIRD_PARTY = {
    "keras",
    "tensorflow",
    "torch",
    "safetensors",
    "av",
    "cv2",
    "matplotlib",
    "tflite_runtime",
    "ai_edge_litert",
}
MODULES = sorted(
    p.relative_to(ROOT).as_posix()
    for part in ("tsm_tf", "export")
    for p in (ROOT / part).rglob("*.py")
)


def imports_of(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            # `from tsm_tf.data import decode` imports a module of it
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if (ROOT / node.module.replace(".", "/")).is_dir() else [node.module]


@pytest.mark.parametrize("path", MODULES)
def test_imports_only_what_its_part_may(path):
    part = max((p for p in ALLOWED if path == p or path.startswith(f"{p}/")), key=len, default=None)
    for name in imports_of(path):
        root = name.partition(".")[0]
        if path.startswith("tsm_tf/"):
            assert root != "export", f"{path} imports {name}: tsm_tf never imports export"
        if part and root in {*THIRD_PARTY, "tsm_tf", "export"}:
            assert any(name == a or name.startswith(f"{a}.") for a in ALLOWED[part]), (
                f"{path} imports {name}"
            )


@pytest.mark.parametrize("path", MODULES)
def test_files_stay_small_and_flags_in_main(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name not in ("main", "define_flags"):
            used = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr == "FLAGS"]
            assert not used, f"{path}:{node.lineno} {node.name} reads flags; only main may"


def blocked(code, *modules):
    """Runs code in a process where the modules cannot be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", block + code], capture_output=True, text=True, cwd=ROOT
    )


def test_importing_the_package_loads_no_framework():
    code = "import tsm_tf, sys; tsm_tf.ModelSpec(); assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_commands_choose_kernels_before_tensorflow_is_there():
    """`cli.run` does, with a variable that TensorFlow reads when it is imported."""
    commands = {path for path in MODULES if "cli.run(" in (ROOT / path).read_text(encoding="utf-8")}
    commands -= {"tsm_tf/weights/__main__.py", "tsm_tf/analysis/curves.py"}  # they run no model
    names = [path.removesuffix(".py").replace("/", ".") for path in sorted(commands)]
    assert len(names) > 10
    code = f"import sys, {', '.join(names)}; assert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_importing_the_runtime_loads_numpy_and_no_more():
    code = (
        "import numpy, sys; before = set(sys.modules); import export.runtime; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert set(done.stdout.split()) == {"export", "tsm_tf"}, done.stderr


@pytest.mark.parametrize("module", ["export.runtime", "export.live"])
def test_device_side_needs_no_framework(module):
    done = blocked(f"import {module}", "keras", "tensorflow")
    assert done.returncode == 0, done.stderr


def test_missing_extra_is_one_line():
    done = blocked(
        "import tsm_tf\ntry: tsm_tf.build_model\nexcept ImportError as e: print(e)", "keras"
    )
    assert (
        done.stdout
        == "`tsm_tf.build_model`: the module `keras` is not installed: pip install 'tsm-tf[train]'\n"
    )


def test_every_public_name_loads():
    import tsm_tf

    for name in tsm_tf.__all__:
        assert getattr(tsm_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tsm_tf.nothing
