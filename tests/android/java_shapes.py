"""Random operators for the Java tests, with the shape that Python computes for the result.

One JSON object per line; `expected` is null if the operator cannot have a result.
"""

import json
from collections.abc import Iterator

import numpy as np

from export.format.allowed import allowed
from export.format.flatbuffer import Damaged
from export.format.shapes import RULES, Call

_CALLS = 400  # per rule
_INPUTS = {
    # rule: how many inputs, and which of them are integer constants
    "any": None,
    "batch_matmul": ((2,), ()),
    "broadcast": ((2,), ()),
    "concatenation": ((1, 2, 3), ()),
    "conv": ((2, 3), ()),
    "depthwise_conv": ((2, 3), ()),
    "fully_connected": ((2, 3), ()),
    "gather": ((2,), ()),
    "non_max_suppression": ((5,), (2,)),
    "pad": ((2,), (1,)),
    "pool": ((1,), ()),
    "prelu": ((2,), ()),
    "reduce": ((2,), (1,)),
    "reshape": ((2,), (1,)),
    "resize_bilinear": ((2,), (1,)),
    "reverse": ((2,), (1,)),
    "same": ((1,), ()),
    "slice": ((3,), (1, 2)),
    "strided_slice": ((4,), (1, 2, 3)),
    "tile": ((2,), (1,)),
    "top_k": ((2,), (1,)),
    "transpose": ((2,), (1,)),
    "transpose_conv": ((3, 4), (0,)),
    "unpack": ((1,), ()),
}
_LARGEST_OPTION = 3  # of strides and the like


def shape_lines() -> Iterator[str]:
    rng = np.random.default_rng(0)
    for rule in sorted(RULES):
        for _ in range(_CALLS if _INPUTS[rule] else 0):
            call = random_call(rng, rule)
            try:
                expected = [int(side) for side in RULES[rule](call)]
            except Damaged:
                expected = None
            fields = {"rule": rule, **call._asdict(), "expected": expected}
            fields["constants"] = {
                position: values.ravel().tolist() for position, values in call.constants.items()
            }
            yield json.dumps(fields)


def random_call(rng: np.random.Generator, rule: str) -> Call:
    """Returns an operator with small sizes, so that many have a result."""
    counts, constant = _INPUTS[rule]
    first = random_shape(rng, 4 if "conv" in rule or "pool" in rule else rng.integers(0, 6))
    shapes, constants = [], {}
    for position in range(rng.choice(counts)):
        if position in constant:
            shapes.append(constant_shape(rng, rule, first))
            smallest = -2 if rng.random() < 0.3 else 0 if rng.random() < 0.5 else 1
            constants[position] = rng.integers(smallest, 4, shapes[-1]).astype(int)
            if rule == "transpose" and rng.random() < 0.5:
                constants[position] = rng.permutation(len(first))
                shapes[-1] = (len(first),)
        elif position == 0 or rng.random() < 0.2:
            shapes.append(first)
        elif position == counts[-1] - 1 and len(counts) == 2:  # a bias
            shapes.append(random_shape(rng, 1))
        else:
            shapes.append(random_shape(rng, max(len(first) - rng.integers(0, 2) // 2, 0)))

    rows = [row for row in allowed().operators.values() if row.shape == rule]
    options = {
        option.name: random_option(rng, option)
        for option in rows[rng.integers(len(rows))].options
        if option
    }
    result = random_shape(rng, rng.integers(0, 5))
    if rng.random() < 0.5:
        result = repair(rng, rule, shapes, constants, options, result)
    others = random_others(rng, rule, shapes, constants)
    return Call(shapes, constants, options, result, int(rng.integers(3, 6)), others)


def random_others(rng, rule, shapes, constants):
    """Returns the shapes of further outputs, which are the right ones for some."""
    if rule == "top_k" and rng.random() < 0.7 and constants[1].size:
        return ((*shapes[0][:-1], int(constants[1].ravel()[0])),)
    if rule == "unpack" and shapes[0] and rng.random() < 0.7:
        return (shapes[0][1:],) * (shapes[0][0] - 1)
    if rule == "non_max_suppression" and rng.random() < 0.7:
        return ((),)
    return tuple(random_shape(rng, rng.integers(0, 3)) for _ in range(rng.integers(0, 2)))


def repair(rng, rule, shapes, constants, options, result):
    """Makes the rarest agreements of shapes; returns the shape of the result."""
    if rule == "depthwise_conv":
        shapes[1] = (1, *shapes[1][1:-1], shapes[0][-1] * options["depth_multiplier"])
        shapes[2:] = [shapes[1][-1:] for _ in shapes[2:]]
    elif rule == "transpose_conv" and len(shapes[1]) == len(shapes[2]) == 4:
        batch, *_, depth = shapes[2]
        filters, *kernel, _ = shapes[1]
        shapes[:2], shapes[3:] = [(4,), (filters, *kernel, depth)], [(filters,) for _ in shapes[3:]]
        sides = [(2 - 1) * options[f"stride_{side}"] for side in "hw"]
        sides = [side + size for side, size in zip(sides, kernel, strict=True)]
        constants[0] = np.array([batch, *sides, filters])
        options["padding"], shapes[2] = 1, (batch, 2, 2, depth)
    elif rule == "top_k":
        shapes[1], constants[1] = (), np.array(rng.integers(0, 4))
    elif rule == "unpack" and shapes[0]:
        options.update(axis=rng.choice([0, -len(shapes[0])]).item(), num=shapes[0][0])
    elif rule == "non_max_suppression":
        shapes[1], shapes[2:] = shapes[0][:1], [()] * 3
        shapes[0], constants[2] = (*shapes[0][:1], 4), np.array(rng.integers(0, 4))
    elif rule == "strided_slice" and set(shapes[1:]) == {(len(shapes[0]),)}:
        single = rng.integers(0, 2, constants[1].shape)
        constants[2] = np.where(single, constants[1] + 1, constants[2])
        constants[3] = np.maximum(constants[3], 1)
        bits = int((single << np.arange(single.size)).sum())
        options["shrink_axis_mask"] = bits
        for name in ("begin_mask", "end_mask"):
            options[name] &= ~bits
    elif rule == "reshape":
        constants[1] = np.array([*shapes[0][:2], -1] if len(shapes[0]) > 1 else [1, -1])
        shapes[1], size = constants[1].shape, int(np.prod(shapes[0]))
        result = tuple(int(side) for side in constants[1][:-1])
        result = (*result, size // int(np.prod(result)))
    return result


def random_shape(rng, rank):
    return tuple(int(side) for side in rng.choice([1, 2, 2, 4], rank))


def constant_shape(rng, rule, first):
    """Returns the usual shape of a constant, or another one."""
    usual = {
        "pad": (len(first), 2),
        "resize_bilinear": (2,),
        "reverse": (1,),
        "reduce": (int(rng.integers(1, 3)),),
        "reshape": (int(rng.integers(0, 5)),),
        "transpose_conv": (4,),
    }.get(rule, (len(first),))
    return usual if rng.random() < 0.9 else random_shape(rng, rng.integers(0, 3))


def random_option(rng, option):
    if option.values:
        return int(rng.choice(option.values))
    largest = 31 if "mask" in option.name else _LARGEST_OPTION
    return int(rng.integers(max(option.smallest, -largest), min(option.largest, largest) + 1))
