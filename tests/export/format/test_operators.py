import re

import flatbuffers
import pytest
from testing import refuses

from export.format.allowed import allowed
from export.format.operators import _NAMES, _NEWEST, check_versions, operator_name
from export.format.reader import parse_model, read_model
from export.format.shapes import RULES


def one_operator(code, version, custom=None):
    from tensorflow.lite.python import schema_py_generated as schema

    kind = schema.OperatorCodeT()
    kind.deprecatedBuiltinCode, kind.builtinCode, kind.version = min(code, 127), code, version
    kind.customCode = custom
    operator = schema.OperatorT()
    operator.inputs = operator.outputs = []
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [], [], [], [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = (
        3,
        [kind],
        [graph],
        [schema.BufferT()],
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_names_are_the_schemas():
    from tensorflow.lite.python import schema_py_generated as schema

    codes = {
        name: code for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
    }
    assert [codes[name] for name in _NAMES] == list(range(len(_NAMES)))
    assert (
        operator_name(len(_NAMES)) == f"OPERATOR_{len(_NAMES)}"
        and operator_name(-1) == "OPERATOR_-1"
    )
    for code, name in ((0, "ADD"), (127, "PLACEHOLDER_FOR_GREATER_OP_CODES"), (150, "GELU")):
        assert parse_model(one_operator(code, 2)).graphs[0].operators[0][:2] == (name, 2)
    assert (
        parse_model(one_operator(32, 1, "edgetpu-custom-op")).graphs[0].operators[0].name
        == "edgetpu-custom-op"
    )


def test_versions_are_those_that_the_runtime_knows():
    """The runtime loads each operator in its newest version, and refuses the version after it."""
    interpreter = pytest.importorskip("tflite_runtime.interpreter")

    def known(code, version):
        try:
            interpreter.Interpreter(model_content=one_operator(code, version))
        except (ValueError, RuntimeError) as error:
            # It may also refuse the empty operator, but only after it has found the kernel.
            return not re.search("Didn't find op|unresolved|out of range", str(error))
        return True

    for code, name in enumerate(_NAMES):
        if name != "CUSTOM":
            assert not known(code, _NEWEST[name] + 1), name
            assert not _NEWEST[name] or known(code, _NEWEST[name]), name
    assert not known(len(_NAMES), 1)


def test_refuses_what_the_runtime_lacks(online):
    check_versions(read_model(online).graphs[0].operators)
    with refuses(
        "operators", "tflite-runtime 2.14.0", "up to version 10", "FULLY_CONNECTED version 12"
    ):
        check_versions([("ADD", 5), ("FULLY_CONNECTED", 12)])
    with refuses("operators", "OPERATOR_206 up to version 0"):
        check_versions([("OPERATOR_206", 1)])


def test_the_list_of_allowed_operators_agrees():
    """Its codes and versions are those of the table; each rule and each type exists."""
    from tensorflow.lite.python import schema_py_generated as schema

    known = set(vars(schema.BuiltinOptions).values())
    for name, row in allowed().operators.items():
        assert row.options_type in known and row.shape in RULES, name
        if name == "edgetpu-custom-op":
            assert row.code == _NAMES.index("CUSTOM")
        else:
            assert (row.code, row.newest_version) == (_NAMES.index(name), _NEWEST[name])
            check_versions([(name, row.newest_version)])
    assert {row.shape for row in allowed().operators.values()} == set(RULES)


def test_patterns_and_options_are_read():
    row = allowed().operators["CONV_2D"]
    source, weights, bias = row.patterns[2][0]
    assert source == ("int8", False, "*", False, False)
    assert weights == ("int8", True, "**", False, False) and bias.dtype == "int32"
    assert row.patterns[2][1] == (source,) and not bias.is_number
    (axes,) = allowed().operators["MEAN"].patterns[0][0][1:]
    assert axes.is_number
    stride = row.options[1]
    assert [stride.allows(value) for value in (0, 1, 4096, 4097)] == [False, True, True, False]
    assert not allowed().operators["SOFTMAX"].options[0].allows(float("nan"))
    assert allowed().operators["CONCATENATION"].patterns[0][0][0].is_repeated
    assert allowed().operators["FULLY_CONNECTED"].patterns[0][0][2].is_optional
