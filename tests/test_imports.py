"""Import rules by folder (docs/architecture.md), private names, flags, and what imports load."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
STREAM_FILE = ROOT / "tests" / "compatibility" / "mobilenet_v2_online_int8.tflite"

STANDARD_LIBRARY = {  # modules of tsm_tf that import nothing but the standard library and absl
    "tsm_tf.any_spec",
    "tsm_tf.catalogue",
    "tsm_tf.cli",
    "tsm_tf.detector_spec",
    "tsm_tf.errors",
    "tsm_tf.event_rules",
    "tsm_tf.execution",
    "tsm_tf.execution_flags",
    "tsm_tf.files",
    "tsm_tf.output_folder",
    "tsm_tf.relations",
    "tsm_tf.spec",
    "tsm_tf.spec_checks",
    "tsm_tf.spec_flags",
    "tsm_tf.timing",
    "tsm_tf.versions",
}
MODELS = {"tsm_tf.keras_internals", "tsm_tf.layers", "tsm_tf.backbones", "tsm_tf.models"}
DATA = {"tsm_tf.data"}
TENSORFLOW = {"keras", "tensorflow", "numpy"}
VIDEO = {"av", "cv2", "PIL"}
RUNTIME = "export.runtime"  # commands of tsm_tf may run a .tflite file
EVERYTHING = {
    *("tsm_tf", "export", "keras", "tensorflow", "numpy", "flatbuffers", "jinja2", "matplotlib"),
    "litert_quantizer",
    *VIDEO,
}

ALLOWED = {
    # folder or file: what its modules may import beside the standard library and absl
    "tsm_tf/layers": {"keras", "numpy", "tsm_tf.layers"},
    "tsm_tf/backbones": {"keras", "numpy", "tsm_tf.layers", "tsm_tf.backbones"},
    "tsm_tf/networks3d": {
        *("keras", "numpy", "tsm_tf.layers", "tsm_tf.backbones", "tsm_tf.networks3d"),
    },
    "tsm_tf/models": {"keras", "numpy", *MODELS},
    "tsm_tf/weights": {
        *("keras", "numpy", "h5py", "ml_dtypes", "safetensors", *MODELS, "tsm_tf.weights"),
        "tsm_tf.data.datasets.catalogue",  # the order of the classes
    },
    "tsm_tf/camera": {"numpy", "matplotlib", *VIDEO, "tsm_tf.camera"},
    "tsm_tf/data": {"numpy", "tensorflow", *VIDEO, *DATA},
    "tsm_tf/data/datasets": {
        *("tsm_tf.data.datasets", "tsm_tf.data.sources", "tsm_tf.data.text_file"),
        *("tsm_tf.data.progress_line", "tsm_tf.data.video", "tsm_tf.data.worker_pool"),
    },
    "tsm_tf/data/record": {"numpy", *DATA, "tsm_tf.camera"},
    "tsm_tf/data/sources": {"numpy", *VIDEO, "tsm_tf.data.resize", "tsm_tf.data.sources"},
    "tsm_tf/data/sources/jpeg_clip.py": {"numpy", "tensorflow", "tsm_tf.data.sources"},
    "tsm_tf/data/sources/shards.py": {"numpy", *DATA},
    "tsm_tf/data/shard/pipeline.py": {"apache_beam", *DATA},
    "tsm_tf/data/storage": {"tensorflow", "tensorflow_io", *DATA},
    "tsm_tf/multi_label": {"numpy", "sklearn", "tsm_tf.multi_label"},
    "tsm_tf/training": {
        *TENSORFLOW,
        *("matplotlib", "cv2", *MODELS, *DATA, "tsm_tf.weights", "tsm_tf.training"),
        *("tsm_tf.devices", "tsm_tf.multi_label"),
    },
    "tsm_tf/evaluation": {
        *TENSORFLOW,
        *("matplotlib", "cv2", "PIL", *MODELS, *DATA, "tsm_tf.weights", "tsm_tf.evaluation"),
        *("tsm_tf.devices", "tsm_tf.multi_label"),
    },
    "tsm_tf/predict": {
        *("keras", "numpy", *VIDEO, *MODELS, *DATA, "tsm_tf.camera", "tsm_tf.weights"),
        *("tsm_tf.evaluation", "tsm_tf.multi_label", "tsm_tf.predict"),
    },
    "tsm_tf/analysis": {"tsm_tf", *TENSORFLOW, "matplotlib", *VIDEO},
    "tsm_tf/analysis/clip_timing.py": {"tsm_tf", *TENSORFLOW, "jax"},
    "tsm_tf/detection": {"tsm_tf", *TENSORFLOW, "matplotlib", *VIDEO},
    "tsm_tf/detection/data": {
        *("numpy", "tensorflow", *VIDEO, *DATA),
        *("tsm_tf.detection.data", "tsm_tf.detection.detections", "tsm_tf.detector_spec"),
    },
    "export/format": {"numpy", "export.format"},
    "export/runtime": {
        *("numpy", "export.format", "export.runtime", "tsm_tf.detection.detections"),
    },
    "export/live": {
        *("numpy", "matplotlib", *VIDEO, "export.format", "export.runtime", "export.live"),
        *("tsm_tf.camera", "tsm_tf.data.crops", "tsm_tf.data.resize", "tsm_tf.data.sources"),
        "tsm_tf.detection.data.fit_frame",
        "tsm_tf.detection.detections",
        "tsm_tf.evaluation.events",
        "tsm_tf.evaluation.metrics",
        "tsm_tf.evaluation.presence",
        "tsm_tf.multi_label.sigmoid",
    },
    "export/web": {
        *("export.format", "export.web", "export.live.find_model", "tsm_tf.detection.detections"),
    },
    "export/edgetpu": EVERYTHING,
    "export/tflite": EVERYTHING,
    "export/demo": EVERYTHING,
    "export": EVERYTHING,
}
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for part in ("tsm_tf", "export")
    for path in (ROOT / part).rglob("*.py")
)


def tree_of(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports_of(path):
    """Yields the dotted names that a module imports, anywhere in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: imports are absolute here"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if file_of(name) else node.module


def file_of(name):
    """Returns the path of a module of this project, None for anything else."""
    for suffix in (".py", "/__init__.py"):
        path = name.replace(".", "/") + suffix
        if (ROOT / path).is_file():
            return path
    return None


def is_within(name, parts):
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def is_command(path):
    return path.startswith("tsm_tf/") and path.endswith("/__main__.py")


@pytest.mark.parametrize("path", [path for path in MODULES if path.count("/") > 1])
def test_a_folder_imports_what_its_rule_allows(path):
    folder = max((part for part in ALLOWED if f"{path}/".startswith(f"{part}/")), key=len)
    allowed = {*ALLOWED[folder], *STANDARD_LIBRARY, *sys.stdlib_module_names, "absl"}
    if is_command(path):
        allowed.add(RUNTIME)
    wrong = [name for name in imports_of(path) if not is_within(name, allowed)]
    assert not wrong, f"{path} imports {wrong}"


def test_the_top_of_the_package_imports_the_standard_library():
    for path in [p for p in MODULES if p.startswith("tsm_tf/") and p.count("/") == 1]:
        allowed = {*STANDARD_LIBRARY, *sys.stdlib_module_names}
        if path in ("tsm_tf/cli.py", "tsm_tf/execution_flags.py", "tsm_tf/spec_flags.py"):
            allowed.add("absl")
        if path == "tsm_tf/devices.py":
            allowed |= {"keras", "numpy", "tensorflow", "tsm_tf.data.epoch_order"}
        if path == "tsm_tf/keras_internals.py":
            allowed |= {"keras", "tensorflow"}
        if path == "tsm_tf/html_page.py":
            allowed.add("jinja2")
        if path == "tsm_tf/__init__.py":
            allowed.add("tsm_tf.keras_registration")
        wrong = [name for name in imports_of(path) if not is_within(name, allowed)]
        assert not wrong, f"{path} imports {wrong}"


def test_only_commands_of_tsm_tf_import_the_runtime_and_nothing_else_of_export():
    for path in [path for path in MODULES if path.startswith("tsm_tf/")]:
        exports = {name for name in imports_of(path) if is_within(name, {"export"})}
        allowed = {RUNTIME} if is_command(path) else set()
        assert exports <= allowed, f"{path} imports {exports}"


@pytest.mark.parametrize("leaf", ["analysis", "detection"])
def test_nothing_in_the_package_imports_a_leaf(leaf):
    others = [path for path in MODULES if path.startswith("tsm_tf/")]
    for path in [path for path in others if not path.startswith(f"tsm_tf/{leaf}/")]:
        wrong = [name for name in imports_of(path) if is_within(name, {f"tsm_tf.{leaf}"})]
        assert not wrong, f"{path} imports {wrong}"


def test_no_import_goes_round_in_a_circle():
    graph = {
        path: {file_of(name) for name in imports_of(path) if file_of(name)} - {path}
        for path in MODULES
    }
    done = set()

    def visit(path, trail):
        assert path not in trail, " -> ".join([*trail[trail.index(path) :], path])
        if path not in done:
            for other in sorted(graph[path]):
                visit(other, [*trail, path])
            done.add(path)

    for path in MODULES:
        visit(path, [])


@pytest.mark.parametrize("path", MODULES)
def test_files_stay_small(path):
    assert (ROOT / path).read_text(encoding="utf-8").count("\n") <= 300


SHARED_FLAGS = {  # called by `main`
    "tsm_tf/cli.py",
    "tsm_tf/data/data_flags.py",
    "tsm_tf/data/synthetic/render_flags.py",
    "tsm_tf/evaluation/protocol_flags.py",
    "tsm_tf/spec_flags.py",
    "tsm_tf/training/training_flags.py",
}


@pytest.mark.parametrize("path", [path for path in MODULES if path not in SHARED_FLAGS])
def test_flags_are_read_in_main(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef) and node.name not in ("main", "define_flags"):
            used = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr == "FLAGS"]
            assert not used, f"{path}:{node.lineno} {node.name} reads flags; only main may"


@pytest.mark.parametrize("path", [path for path in MODULES if path != "tsm_tf/keras_internals.py"])
def test_private_names_of_others_are_in_one_module(path):
    """A private name belongs to `self`, or to an object whose class is in the same file."""
    tree = tree_of(path)
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    own = {
        node.attr
        for node in attributes
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    }
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in attributes:
        is_private = node.attr.startswith("_") and not node.attr.startswith("__")
        is_documented = node.attr in ("_replace", "_asdict", "_fields", "_exit")
        is_tensorflows = node.attr.startswith("_experimental_")  # an option of its converter
        if is_private and not is_documented and not is_tensorflows:
            assert node.attr in own, f"{path}:{node.lineno} uses {node.attr}"
        assert node.attr != "MethodType", f"{path}:{node.lineno} replaces a method of an instance"


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def run_without(code, *modules):
    """Runs code in a process where some modules cannot be imported."""
    return run(f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n{code}")


def test_importing_the_package_loads_no_framework():
    modules = "{'keras', 'tensorflow', 'numpy'}"
    done = run(f"import tsm_tf, sys; tsm_tf.ModelSpec(); assert not {modules} & set(sys.modules)")
    assert done.returncode == 0, done.stderr


def test_commands_choose_kernels_before_tensorflow_is_there():
    """`cli.run` does, with a variable that TensorFlow reads when it is imported."""
    commands = [path for path in MODULES if "cli.run(" in (ROOT / path).read_text(encoding="utf-8")]
    names = [path.removesuffix(".py").replace("/", ".") for path in commands]
    assert len(names) > 10
    done = run(f"import sys, {', '.join(names)}; assert 'tensorflow' not in sys.modules")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["export.runtime", "export.live.events"])
def test_importing_the_runtime_loads_numpy_and_no_more(module):
    done = run(
        f"import numpy, sys; before = set(sys.modules); import {module}; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*new - set(sys.stdlib_module_names))"
    )
    assert set(done.stdout.split()) == {"export", "tsm_tf"}, done.stderr


@pytest.mark.parametrize("module", ["export.runtime", "export.live.__main__"])
def test_device_side_needs_no_framework(module):
    done = run_without(f"import {module}", "keras", "tensorflow")
    assert done.returncode == 0, done.stderr


def test_missing_extra_is_one_line():
    done = run_without(
        "import tsm_tf\ntry: tsm_tf.build_model\nexcept ImportError as e: print(e)", "keras"
    )
    line = "the module `keras` is not installed: pip install 'tsm-tf[train]'"
    assert done.stdout == f"`tsm_tf.build_model`: {line}\n", done.stderr


@pytest.mark.parametrize(
    "command, arguments, extra",
    [
        ("export.live", [f"--model={STREAM_FILE}", "--video=v.mp4"], "live"),
        ("export.tflite", [], "export"),
        ("tsm_tf.training", ["--recipe=gestures", "--data=d"], "train"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(command, arguments, extra, tmp_path):
    arguments = [command, *arguments, f"--output={tmp_path / 'output'}"]
    code = f"from {command}.__main__ import run_command; sys.argv = {arguments!r}; run_command()"
    done = run_without(code, "tensorflow", "keras", "matplotlib", "av", "cv2", "PIL")
    assert done.returncode == 1
    assert f"is not installed: pip install 'tsm-tf[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_public_name_loads():
    import tsm_tf

    for name in tsm_tf.__all__:
        assert getattr(tsm_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tsm_tf.nothing
