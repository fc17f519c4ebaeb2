import numpy as np
import pytest
from testing import refuses

from export.format.flatbuffer import Damaged, Table
from export.format.reader import parse_model, read_model
from export.runtime.interpreter import load_interpreter


def test_reads_what_an_interpreter_reads(online):
    model = read_model(online)
    interpreter, _ = load_interpreter(online)
    (graph,) = model.graphs
    for tensor, details in zip(graph.tensors, interpreter.get_tensor_details(), strict=False):
        assert (tensor.name, np.dtype(tensor.dtype)) == (details["name"], details["dtype"])
        assert list(tensor.shape) == details["shape"].tolist() and tensor.is_static
    runner = interpreter.get_signature_runner("serving_default")
    for names, tensors, described in (
        (model.signature.inputs, model.interface()[0], runner.get_input_details()),
        (model.signature.outputs, model.interface()[1], runner.get_output_details()),
    ):
        assert names == {name: details["index"] for name, details in described.items()}
        assert tensors == {name: graph.tensors[index] for name, index in names.items()}
    kernels = [t for t in graph.tensors if len(t.shape) == 4 and model.constant(t).size]
    assert kernels and all(model.constant(t).size == 4 * np.prod(t.shape) for t in kernels)
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "CONCATENATION"} <= {
        operator.name for operator in graph.operators
    }
    assert model.unknown == ()
    assert model.version == 3 and "TSM_SPEC" in model.metadata


def test_a_table_that_leaves_the_file():
    with pytest.raises(Damaged, match="behind the end"):
        parse_model(b"\xfc\xff\xff\x7fTFL3")
    with pytest.raises(Damaged, match="not aligned"):
        parse_model(b"\xff\xff\xff\x7fTFL3")
    with pytest.raises(Damaged, match="before the file"):
        Table(memoryview(bytes([9, 0, 0, 0, 0, 0])), 0, [0])
    # root at 8; its vtable (at 4: size 4, no field) is whole, and a table of no field has no field
    table = Table.root(memoryview(bytes([8, 0, 0, 0, 4, 0, 4, 0, 4, 0, 0, 0])))
    assert (
        table.number(0, "I", 7) == 7
        and table.text(3) == ""
        and table.tables(1) == []
        and table.table(2) is None
    )


def test_refuses_other_files(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"\x08\0\0\0TFL4")
    with refuses("model", "must be a TFLite file"):
        read_model(tmp_path / "a.tflite")
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path / "b.tflite")
