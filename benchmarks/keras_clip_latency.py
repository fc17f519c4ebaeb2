"""Measures the cost of the shift in Keras: a clip through TSM against TSN (paper, Fig. 2a).

python -m benchmarks.keras_clip_latency --backbones=resnet50,mobilenet_v2

The models are compiled, and they take turns.
"""

import pathlib
import statistics

from absl import flags

from benchmarks.results import RESULTS, publish, result_path, version_of
from tsm_tf import cli
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import interleaved, paired_ratio
from tsm_tf.versions import device

MODES = ("none", "bidirectional", "unidirectional")


def clip_latency(backbone: str, rounds: int) -> list[dict[str, object]]:
    """Measures a clip of 8 frames at 224 pixels in every shift mode; returns one row per mode."""
    from tsm_tf.analysis.clip_timing import clip_calls, software
    from tsm_tf.models.clip import build_model

    print(f"{backbone}, {software()}")
    spec = ModelSpec(backbone=backbone)
    models = {mode: build_model(spec.replace(shift_mode=mode)) for mode in MODES}
    seconds = interleaved(clip_calls(models), rounds)

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
    flags.DEFINE_list("backbones", ["resnet50", "mobilenet_v2"], "Backbones to measure.")
    flags.DEFINE_integer("rounds", 30, "Timed clips per model.", lower_bound=1)
    flags.DEFINE_integer("threads", 1, "Threads within an operation.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV file.")


def main():
    values = flags.FLAGS
    for backbone in values.backbones:
        ModelSpec(backbone=backbone)  # reports a bad name before TensorFlow is loaded

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(values.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    rows = []
    for backbone in values.backbones:
        rows += clip_latency(backbone, values.rounds)

    path = result_path(
        pathlib.Path(values.output),
        "keras_clip_latency",
        ["float32"],
        device(),
        [version_of("tensorflow")],
    )
    publish(rows, path)


if __name__ == "__main__":
    cli.run(main, define_flags)
