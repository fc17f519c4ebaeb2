"""Both packages are typed, as their `py.typed` says: public functions are fully annotated."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for part in ("tsm_tf", "export", "benchmarks")
    for path in (ROOT / part).rglob("*.py")
)
OVERRIDES = {"build", "call", "compute_loss", "compute_output_shape", "forward", "get_config"}
OVERRIDES |= {"train_step", "update_step"}
"""Methods whose types Keras or PyTorch defines, as it does for those that begin with `on_`."""


def public_functions(path):
    """Yields the functions of a module and the methods of its classes, except private ones."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        is_class = isinstance(node, ast.ClassDef)
        for function in node.body if is_class else [node]:
            if not isinstance(function, ast.FunctionDef) or node.name.startswith("_"):
                continue
            name = function.name
            if name in OVERRIDES or name.startswith("on_"):
                continue
            if not name.startswith("_") or name in ("__init__", "__call__"):
                yield function, is_class


def returns_a_value(node):
    """Whether a function returns or yields something; those inside it do not count."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(child, ast.Return) and child.value is not None:
            return True
        inner = isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef)
        if not inner and returns_a_value(child):
            return True
    return False


@pytest.mark.parametrize("path", MODULES)
def test_public_functions_are_annotated(path):
    missing = []
    for function, is_method in public_functions(path):
        decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
        named = [*function.args.posonlyargs, *function.args.args]
        named = named[1:] if is_method and "staticmethod" not in decorators else named
        bare = [a.arg for a in [*named, *function.args.kwonlyargs] if not a.annotation]
        if returns_a_value(function) and not function.returns:
            bare.append("return")
        if bare:
            missing.append(f"{path}:{function.lineno} {function.name}: {', '.join(bare)}")
    assert not missing
