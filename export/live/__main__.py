"""Recognises gestures in a video or from a camera, one frame at a time, as a phone does.

    python -m export.live --model=FILE --video=FILE --output=DIR
    python -m export.live --model=FILE --camera=0 --show
    python -m export.live --model=FILE --video=rtsp://192.168.0.2/stream --show
    rpicam-vid -t 0 --codec libav --libav-format mpegts -o - \\
        | python -m export.live --model=FILE --video=- --output=DIR
"""

import contextlib
import dataclasses
import itertools
import pathlib

from absl import flags

from export.format.metadata import UNCHECKED
from export.format.smoothing_rules import AVERAGED_STEPS, REFRACTORY_STEPS
from export.runtime import StreamRunner
from export.runtime.interpreter import DELEGATES
from tsm_tf import cli, output_folder
from tsm_tf.errors import InputError

_MAX_GAP = 2.0  # seconds without a frame after which the state of a live stream is reset


def define_flags():
    made_by = "A file of `python -m export.tflite --online`."
    flags.DEFINE_string("model", None, made_by, required=True)
    flags.DEFINE_bool("unchecked", False, UNCHECKED)
    video = "File or URL (rtsp://, http://) to stream, or - for standard input."
    flags.DEFINE_string("video", None, video)
    camera = "Number or path of the camera to stream, such as 0 or /dev/video0."
    flags.DEFINE_string("camera", None, camera)
    flags.DEFINE_string(
        "output",
        None,
        "Folder for stream.mp4, stream.gif and frames.csv; required unless --show is given.",
    )
    flags.DEFINE_bool("show", False, "Show a window; press q to quit.")
    flags.DEFINE_integer(
        "averaged_steps",
        None,
        f"Number of steps to average logits over; default: the file's ({AVERAGED_STEPS}).",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "refractory_steps",
        None,
        "Number of further steps for which a class stays after it has appeared; "
        f"default: the file's ({REFRACTORY_STEPS}).",
        lower_bound=0,
    )
    flags.DEFINE_integer("threads", 1, "Number of interpreter threads.", lower_bound=1)
    flags.DEFINE_string(
        "delegate",
        "none",
        f"none, {', '.join(DELEGATES)}, or the path of a delegate's library.",
    )


def main():
    values = flags.FLAGS
    if (values.video is None) == (values.camera is None):
        raise InputError("video", "must be given, or --camera, but not both", values.video)
    if not values.output and not values.show:
        raise InputError("output", "must be given, or --show", values.output)
    folder = _check_output(values.output)

    runner = _load_runner(values.model, values.threads, values.delegate, values.unchecked)
    rules = _override(
        runner.smoothing,
        averaged_steps=values.averaged_steps,
        refractory_steps=values.refractory_steps,
    )

    # Imported here, so that a missing package is reported in one line.
    from export.live.frame_clock import AtRate, output_fps
    from export.live.session import Session, run_and_record, stop_on_signals
    from export.live.smoothing import Smoother
    from export.live.sources import open_source
    from export.live.window import open_window

    with stop_on_signals() as stop:
        source = open_source(values.video, values.camera, values.show, stop)
        with contextlib.closing(source.frames):
            if values.show:
                open_window()
            print(f"{values.model} {_describe(runner)}; press Ctrl-C to stop", flush=True)

            until_stop = itertools.takewhile(lambda _: not stop.is_set(), source.frames)
            frames = AtRate(until_stop, runner.spec.fps)
            session = Session(
                runner,
                Smoother(runner.labels, rules),
                max_gap=_MAX_GAP if source.is_live else None,
            )
            fps = output_fps(source.fps, runner.spec.fps)
            run_and_record(session, frames, folder, fps, values.show)


def _check_output(output):
    if not output:
        return None
    output_folder.check_new(pathlib.Path(output))
    return pathlib.Path(output)


def _load_runner(model, num_threads, delegate, unchecked):
    runner = StreamRunner(model, num_threads, delegate=delegate, unchecked=unchecked)
    if runner.spec.modality != "rgb":
        raise InputError("model", "must take RGB frames", runner.spec.modality)
    if runner.num_streams > 1:
        received = f"{model}, which has {runner.num_streams}"
        raise InputError("model", "must have one stream", received)
    return runner


def _describe(runner):
    fps = runner.spec.fps
    if fps:
        return f"on {runner.runtime}, the model's {fps:g} frames/s"
    return f"on {runner.runtime}, every second frame (the file does not specify the model's rate)"


def _override(rules, **values):
    return dataclasses.replace(
        rules, **{name: value for name, value in values.items() if value is not None}
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
