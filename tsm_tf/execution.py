"""Names of devices and compute types, for commands that check flags before they load Keras."""

STRATEGIES = ("auto", "mirrored", "multi_worker", "tpu", "none")
PRECISIONS = ("float16", "bfloat16")
