"""Computes the optical flow of a data folder: `python -m tsm_tf.data.flow --data=DIR --output=DIR`.

The output is a data folder for models with --modality=flow.
"""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.flow.tv_l1 import MAX_SHORT_SIDE, VARIANTS, FlowSettings


def define_flags():
    data_flags.define()
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the flow and its lists; an interrupted computation is resumed.",
        required=True,
    )
    flags.DEFINE_enum(
        "variant",
        FlowSettings.variant,
        list(VARIANTS),
        "Parameters of TV-L1: those of OpenCV's CUDA variant, which TSN used, or of the CPU one.",
    )
    flags.DEFINE_float("bound", FlowSettings.bound, "Largest flow in pixels that can be stored.")
    flags.DEFINE_integer(
        "short_side",
        FlowSettings.short_side,
        "Frames with a larger short side are scaled down to it first.",
        lower_bound=16,
        upper_bound=MAX_SHORT_SIDE,
    )
    flags.DEFINE_integer("quality", FlowSettings.quality, "JPEG quality.", 1, 100)
    flags.DEFINE_integer(
        "workers",
        0,
        "Number of processes; 0 starts one per processor.",
        lower_bound=0,
    )
    flags.DEFINE_enum(
        "on_bad_video",
        "stop",
        ["stop", "skip"],
        "Whether a video that cannot be decoded stops the computation or is left out.",
    )


def main():
    from tsm_tf.data.flow.extract import extract_flow

    values = flags.FLAGS
    output = pathlib.Path(values.output)
    settings = FlowSettings(values.variant, values.bound, values.short_side, values.quality)

    listing = data_flags.read()
    try:
        counts = extract_flow(
            listing,
            output,
            settings,
            values.workers,
            values.on_bad_video == "skip",
        )
    except KeyboardInterrupt:
        print(f"interrupted; run the same command again to resume {output}")
        raise

    videos = ", ".join(f"{count:,} in {split}.txt" for split, count in counts.items())
    print(f"written to {output}: {videos}")
    print(f"next:\n  python -m tsm_tf.training --modality=flow --recipe=NAME --data={output} ...")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
