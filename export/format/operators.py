"""TFLite's built-in operators and the versions of them that tflite-runtime 2.14.0 can run."""

from collections.abc import Iterable, Sequence

from tsm_tf.errors import InputError

RUNTIME = "tflite-runtime 2.14.0"
"""The oldest runtime that must load our files: the last release of that package, used on boards."""

# NAME:NEWEST_VERSION in the order of the schema's codes; 0 means that the runtime lacks the
# operator. Determined by experiment, which test_operators.py repeats.
_TABLE = """
ADD:5 AVERAGE_POOL_2D:3 CONCATENATION:4 CONV_2D:7 DEPTHWISE_CONV_2D:7 DEPTH_TO_SPACE:2
DEQUANTIZE:5 EMBEDDING_LOOKUP:3 FLOOR:1 FULLY_CONNECTED:10 HASHTABLE_LOOKUP:1 L2_NORMALIZATION:2
L2_POOL_2D:1 LOCAL_RESPONSE_NORMALIZATION:1 LOGISTIC:3 LSH_PROJECTION:1 LSTM:4 MAX_POOL_2D:3 MUL:7
RELU:3 RELU_N1_TO_1:1 RELU6:3 RESHAPE:1 RESIZE_BILINEAR:4 RNN:3 SOFTMAX:3 SPACE_TO_DEPTH:2 SVDF:4
TANH:3 CONCAT_EMBEDDINGS:0 SKIP_GRAM:1 CALL:0 CUSTOM:0 EMBEDDING_LOOKUP_SPARSE:1 PAD:4
UNIDIRECTIONAL_SEQUENCE_RNN:3 GATHER:6 BATCH_TO_SPACE_ND:4 SPACE_TO_BATCH_ND:4 TRANSPOSE:6 MEAN:3
SUB:5 DIV:2 SQUEEZE:2 UNIDIRECTIONAL_SEQUENCE_LSTM:4 STRIDED_SLICE:8 BIDIRECTIONAL_SEQUENCE_RNN:3
EXP:2 TOPK_V2:3 SPLIT:4 LOG_SOFTMAX:2 DELEGATE:0 BIDIRECTIONAL_SEQUENCE_LSTM:3 CAST:5 PRELU:1
MAXIMUM:4 ARG_MAX:3 MINIMUM:4 LESS:3 NEG:1 PADV2:4 GREATER:2 GREATER_EQUAL:3 LESS_EQUAL:2 SELECT:4
SLICE:6 SIN:1 TRANSPOSE_CONV:4 SPARSE_TO_DENSE:3 TILE:3 EXPAND_DIMS:1 EQUAL:4 NOT_EQUAL:3 LOG:1
SUM:2 SQRT:1 RSQRT:2 SHAPE:1 POW:1 ARG_MIN:3 FAKE_QUANT:2 REDUCE_PROD:2 REDUCE_MAX:3 PACK:4
LOGICAL_OR:1 ONE_HOT:1 LOGICAL_AND:1 LOGICAL_NOT:1 UNPACK:4 REDUCE_MIN:3 FLOOR_DIV:3 REDUCE_ANY:1
SQUARE:1 ZEROS_LIKE:1 FILL:4 FLOOR_MOD:2 RANGE:2 RESIZE_NEAREST_NEIGHBOR:4 LEAKY_RELU:2
SQUARED_DIFFERENCE:2 MIRROR_PAD:3 ABS:5 SPLIT_V:2 UNIQUE:1 CEIL:1 REVERSE_V2:3 ADD_N:1 GATHER_ND:4
COS:1 WHERE:2 RANK:1 ELU:1 REVERSE_SEQUENCE:1 MATRIX_DIAG:1 QUANTIZE:3 MATRIX_SET_DIAG:1 ROUND:1
HARD_SWISH:1 IF:1 WHILE:1 NON_MAX_SUPPRESSION_V4:1 NON_MAX_SUPPRESSION_V5:1 SCATTER_ND:1
SELECT_V2:2 DENSIFY:1 SEGMENT_SUM:1 BATCH_MATMUL:4 PLACEHOLDER_FOR_GREATER_OP_CODES:0 CUMSUM:1
CALL_ONCE:1 BROADCAST_TO:3 RFFT2D:1 CONV_3D:1 IMAG:1 REAL:1 COMPLEX_ABS:1 HASHTABLE:1
HASHTABLE_FIND:1 HASHTABLE_IMPORT:1 HASHTABLE_SIZE:1 REDUCE_ALL:1 CONV_3D_TRANSPOSE:1 VAR_HANDLE:1
READ_VARIABLE:1 ASSIGN_VARIABLE:1 BROADCAST_ARGS:1 RANDOM_STANDARD_NORMAL:1 BUCKETIZE:1
RANDOM_UNIFORM:1 MULTINOMIAL:1 GELU:2 DYNAMIC_UPDATE_SLICE:1 RELU_0_TO_1:1 UNSORTED_SEGMENT_PROD:1
UNSORTED_SEGMENT_MAX:1 UNSORTED_SEGMENT_SUM:1 ATAN2:1 UNSORTED_SEGMENT_MIN:1 SIGN:2 BITCAST:1
BITWISE_XOR:1 RIGHT_SHIFT:1"""
_NEWEST = {
    name: int(version) for name, _, version in (entry.partition(":") for entry in _TABLE.split())
}
_NAMES = list(_NEWEST)


def operator_name(code: int) -> str:
    """Returns the name of a built-in operator; operators newer than the runtime are numbered."""
    return _NAMES[code] if 0 <= code < len(_NAMES) else f"OPERATOR_{code}"


def check_versions(operators: Iterable[Sequence]) -> None:
    """Raises if tflite-runtime 2.14.0 lacks an operator or its version.

    A model's `min_runtime_version` is not reliable for this.

    Args:
        operators: sequences that start with name and version, such as
            `export.format.reader.Operator`.

    Raises:
        InputError: names each such operator, its version, and the newest version in that runtime.
    """
    found = sorted(
        {(name, version) for name, version, *_ in operators if version > _NEWEST.get(name, 0)}
    )
    if found:
        known = ", ".join(f"{name} up to version {_NEWEST.get(name, 0)}" for name, _ in found)
        received = ", ".join(f"{name} version {version}" for name, version in found)
        raise InputError("operators", f"must run in {RUNTIME}, which has {known}", received)
