"""Writes the videos of a data folder to shards, TFRecords that are read locally or from S3.

    python -m tsm_tf.data.shard --data=DIR --output=DIR_OR_URI

To resume an interrupted run, run the same command again. Flags of Apache Beam follow after `--`:

    python -m tsm_tf.data.shard --data=DIR --output=s3://BUCKET/NAME --runner=FlinkRunner -- \\
        --flink_master=HOST:8081 --parallelism=16
"""

import logging
import sys

from absl import flags

from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.shard.settings import ENCODINGS, Settings
from tsm_tf.errors import InputError
from tsm_tf.spec import CHANNELS

_beam_flags: list[str] = []


def define_flags():
    data_flags.define()
    flags.DEFINE_string("output", None, "Folder or URI (s3://, gs://) to write to.", required=True)
    flags.DEFINE_enum(
        "encode",
        Settings.encode,
        ENCODINGS,
        "Whether to store JPEG frames, which are fast to read, or files as they are: videos, or "
        "images of optical flow.",
    )
    flags.DEFINE_enum(
        "modality",
        Settings.modality,
        list(CHANNELS),
        "What the data show; flow needs --encode=original.",
    )
    flags.DEFINE_integer("quality", Settings.quality, "Quality of the JPEG frames, 1 to 100.")
    flags.DEFINE_integer(
        "short_side",
        Settings.short_side,
        "Pixels of the shorter side of the JPEG frames. Models with 224 pixels read 256.",
    )
    flags.DEFINE_string(
        "frames",
        "all",
        "Number of JPEG frames per video, evenly spaced, or `all`.",
    )
    flags.DEFINE_integer("shard_mib", Settings.shard_mib, "Approximate size of a shard in MiB.")
    flags.DEFINE_enum(
        "on_bad_video",
        "stop",
        ["stop", "skip"],
        "Whether videos that cannot be read are an error, or are left out and listed.",
    )
    flags.DEFINE_string(
        "runner",
        "FnApiRunner",
        "Runner of Apache Beam: this process, FlinkRunner, SparkRunner, DataflowRunner, ...",
    )


def main():
    values = flags.FLAGS
    settings = Settings(
        encode=values.encode,
        quality=values.quality,
        short_side=values.short_side,
        frames=_number_of_frames(values.frames),
        shard_mib=values.shard_mib,
        modality=values.modality,
    )
    output = values.output.rstrip("/") or values.output

    logging.disable(logging.WARNING)  # Beam's, about packages that it does not need here
    from tsm_tf.data.shard.run import run

    run(
        data_flags.read(),
        output,
        settings,
        runner=values.runner,
        beam_flags=_beam_flags,
        skip_bad_videos=values.on_bad_video == "skip",
    )


def _number_of_frames(text: str) -> int:
    if text == "all":
        return 0
    if not text.isdecimal() or not text.isascii() or len(text) > 10 or int(text) < 1:
        raise InputError("frames", "must be `all` or a positive number", text)
    return int(text)


def run_command() -> None:
    if "--" in sys.argv:
        at = sys.argv.index("--")
        _beam_flags[:] = sys.argv[at + 1 :]
        del sys.argv[at:]
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
