"""The shapes of the results of operators that select boxes; see `export.format.shapes`."""

from export.format.operator_call import Call, Shape, position_of, require


def gather(call: Call) -> Shape:
    source, indices = call.shapes
    require(source, "a source without dimensions")
    return (*indices, *source[1:])


def top_k(call: Call) -> Shape:
    source, numbers = call.shapes
    require(source and numbers == (), "more than one number of values")
    count = int(call.constants[1])
    # With as many as there are, kernels sort in a way that a NaN leads outside the input.
    require(1 <= count < source[-1], f"{count} of {source[-1]} values")
    result = (*source[:-1], count)
    require(call.others == (result,), "positions of another shape than the values")
    return result


def non_max_suppression(call: Call) -> Shape:
    boxes, scores, *settings = call.shapes
    require(boxes == (*scores, 4) and len(scores) == 1, "boxes that do not fit the scores")
    require(settings == [(), (), ()] and call.others == ((),), "settings that are not single")
    count = int(call.constants[2])
    require(count >= 1, f"{count} boxes to select")
    return (count,)


def unpack(call: Call) -> Shape:
    source = call.shapes[0]
    axis = position_of(call.options["axis"], len(source))
    result = (*source[:axis], *source[axis + 1 :])
    count = 1 + len(call.others)
    require(source[axis] == call.options["num"] == count, f"{count} parts")
    require(set(call.others) <= {result}, "parts whose shapes differ")
    return result
