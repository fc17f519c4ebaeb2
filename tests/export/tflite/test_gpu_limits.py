from export.format.reader import Graph, Operator, Tensor, read_model
from export.tflite.gpu_limits import find_problems


def graph(shapes, inputs, outputs, operators, name="ADD"):
    return Graph(
        tensors=[
            Tensor(f"t{i}", shape, "float32", 0, True, (), (), 0) for i, shape in enumerate(shapes)
        ],
        inputs=inputs,
        outputs=outputs,
        operators=[Operator(name, 1, *pair, None, 0) for pair in operators],
    )


def test_exported_files_suit_gpus(online, clip):
    assert find_problems(read_model(online).graphs[0]) == []
    assert find_problems(read_model(clip).graphs[0]) == []


def test_each_problem():
    flat = (1, 2, 3, 4)
    assert find_problems(graph([flat, flat], (0,), (1,), [((0,), (1,))])) == []
    assert find_problems(graph([(1, *flat), flat], (0,), (1,), [((0,), (1,))])) == [
        "t0 has 5 dimensions"
    ]
    chain = [((0,), (1,)), ((1,), (2,))]
    assert find_problems(graph([flat] * 3, (0,), (1, 2), chain)) == [
        "t1 is an output that an operator also reads"
    ]
    assert find_problems(graph([flat] * 2, (0, 1), (1,), [])) == [
        "t1 is an input that is returned unchanged"
    ]
    assert find_problems(graph([flat] * 2, (0,), (1,), [((0, 0), (1,))], "MUL")) == [
        "MUL reads the same tensor twice"
    ]
    assert find_problems(graph([flat] * 2, (0,), (1,), [((0, -1, -1), (1,))], "CONV_2D")) == []
    assert find_problems(graph([flat] * 2, (0,), (1,), [((0,), (1,))], "RELU_0_TO_1")) == [
        "RELU_0_TO_1 is computed incorrectly by some GPUs"
    ]
