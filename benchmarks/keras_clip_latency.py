"""What the shift costs in Keras: clip TSM against TSN, compiled, interleaved (the question of the paper's Fig. 2a).

python -m benchmarks.keras_clip_latency --backbones=resnet50,mobilenet_v2 --output=benchmarks
"""

import pathlib
import statistics

from absl import flags

from tsm_tf import cli
from tsm_tf.analysis.timing import interleaved, paired_ratio, publish
from tsm_tf.spec import ModelSpec

MODES = ("none", "bidirectional", "unidirectional")


def clip_latency(backbone: str, rounds: int) -> list[dict]:
    """Measures one clip of 8 frames at 224 in every shift mode; returns one row a mode."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tsm_tf.models.clip import build_model

    spec = ModelSpec(backbone=backbone)
    clip = tf.constant(
        np.random.default_rng(0).integers(0, 256, (1, 8, 224, 224, 3)).astype("float32")
    )
    calls = {}
    for mode in MODES:
        model = build_model(spec.replace(shift_mode=mode))
        compiled = tf.function(model, jit_compile=False)
        calls[mode] = lambda compiled=compiled: compiled(clip, training=False).numpy()
    print(f"{backbone}, keras {keras.__version__}, tensorflow {tf.__version__}")
    seconds = interleaved(calls, rounds)
    return [
        {
            "backbone": backbone,
            "shift_mode": mode,
            "median_ms": round(1000 * statistics.median(seconds[mode]), 2),
            "ratio_to_tsn": round(paired_ratio(seconds[mode], seconds["none"]), 4),
            "rounds": rounds,
        }
        for mode in MODES
    ]


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_list("backbones", ["resnet50", "mobilenet_v2"], "Backbones to measure.")
    flags.DEFINE_integer("rounds", 30, "Timed clips of each.", lower_bound=1)
    flags.DEFINE_integer("threads", 1, "Threads within an operation.", lower_bound=1)
    flags.DEFINE_string("output", "benchmarks", "Folder for keras_clip_latency.csv.")


def main():
    """Measures, prints, writes the CSV."""
    values = flags.FLAGS
    for backbone in values.backbones:
        ModelSpec(backbone=backbone)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(values.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rows = [row for backbone in values.backbones for row in clip_latency(backbone, values.rounds)]
    publish(rows, pathlib.Path(values.output) / "keras_clip_latency.csv")


if __name__ == "__main__":
    cli.run(main, define_flags)
