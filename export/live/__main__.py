"""Recognises gestures, or detects objects, in a video or from a camera, one frame at a time.

    python -m export.live --model=FILE --video=FILE --output=DIR
    python -m export.live --model=FILE --camera=0 --show
    python -m export.live --model=runs/mine --camera=0 --show
    python -m export.live --model=FILE --camera=0 --events=FILE --command='notify-send {label}'
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
from export.live.event_outputs import EventCommand, EventFile
from export.live.events import EventDecoder, PresenceDecoder
from export.live.find_model import find_model
from export.live.smoothing import SmoothedEvents, Smoother
from export.runtime import StreamRunner
from export.runtime.engine import RUNTIMES
from export.runtime.interpreter import DELEGATES
from tsm_tf import cli, output_folder
from tsm_tf.detection.detections import SHOWN_SCORE
from tsm_tf.errors import InputError

_OF_CLASSIFIERS = ("events", "command", "original_smoothing", "averaged_steps", "refractory_steps")
_OF_DETECTORS = ("threshold",)
_MAX_GAP = 2.0  # seconds without a frame after which the state of a live stream is reset


def define_flags():
    made_by = (
        "A file of `python -m export.tflite --online`, or the folder of a training, whose best "
        "checkpoint is then exported into its folder export/ if necessary."
    )
    flags.DEFINE_string("model", None, made_by, required=True)
    flags.DEFINE_bool("unchecked", False, UNCHECKED)
    video = "File or URL (rtsp://, http://) to stream, or - for standard input."
    flags.DEFINE_string("video", None, video)
    camera = "Number or path of the camera to stream, such as 0 or /dev/video0."
    flags.DEFINE_string("camera", None, camera)
    flags.DEFINE_bool(
        "keep_damaged",
        False,
        "Use damaged pictures of a video file as far as they can be decoded, and print how many "
        "there were at the end. Otherwise, the first one is an error.",
    )
    flags.DEFINE_string(
        "output",
        None,
        "Folder for stream.mp4, stream.gif and frames.csv, for a detector also detections.csv; "
        "required unless --show, --events or --command is given.",
    )
    flags.DEFINE_string("events", None, "File for the events, one JSON object per line.")
    flags.DEFINE_string(
        "command",
        None,
        "Command to run for each event, without a shell. {label}, {seconds} and {probability} are "
        "replaced.",
    )
    flags.DEFINE_bool("show", False, "Show a window; press q to quit.")
    flags.DEFINE_bool(
        "original_smoothing",
        False,
        "Show classes as the original demo does, by the file's smoothing rules, instead of events. "
        "--averaged_steps and --refractory_steps imply it.",
    )
    flags.DEFINE_integer(
        "averaged_steps",
        None,
        "Original smoothing: number of steps to average logits over; default: the file's "
        f"({AVERAGED_STEPS} at 15 frames per second).",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "refractory_steps",
        None,
        "Original smoothing: number of further steps for which a class stays after it has appeared;"
        f" default: the file's ({REFRACTORY_STEPS} at 15 frames per second).",
        lower_bound=0,
    )
    flags.DEFINE_float(
        "threshold",
        None,
        "Detectors: lowest score of the boxes that are shown and recorded; default: "
        f"{SHOWN_SCORE}.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_integer("threads", 1, "Number of threads on the CPU.", lower_bound=1)
    flags.DEFINE_enum("runtime", "auto", ["auto", *RUNTIMES], "What runs the file.")
    flags.DEFINE_string(
        "delegate",
        "none",
        f"none, {', '.join(DELEGATES)}, or the path of a delegate's library, for interpreters.",
    )


def main():
    values = flags.FLAGS
    if (values.video is None) == (values.camera is None):
        raise InputError("video", "must be given, or --camera, but not both", values.video)
    if not (values.output or values.show or values.events or values.command):
        rule = "must be given, or --show, --events or --command"
        raise InputError("output", rule, values.output)
    folder = _check_output(values.output)
    model = find_model(values.model)
    runner = _load_runner(
        model,
        values.threads,
        values.runtime,
        values.delegate,
        values.unchecked,
    )

    is_detector = runner.is_detector
    names = _OF_CLASSIFIERS if is_detector else _OF_DETECTORS
    _check_omitted({name: values[name].value for name in names}, is_detector)

    # Imported here, so that a missing package is reported in one line.
    from export.live.detection_session import DetectionSession
    from export.live.frame_clock import AtRate, output_fps
    from export.live.session import Session, run_and_record, stop_on_signals
    from export.live.sources import open_source
    from tsm_tf.camera.window import open_window

    listeners, decoder = [], None
    if not is_detector:
        listeners = _listeners(values.events, values.command)
        decoder = _decoder(
            runner,
            values.original_smoothing,
            averaged_steps=values.averaged_steps,
            refractory_steps=values.refractory_steps,
        )
    with stop_on_signals() as stop, contextlib.ExitStack() as opened:
        source = open_source(values.video, values.camera, values.show, stop, values.keep_damaged)
        opened.enter_context(contextlib.closing(source.frames))
        for listener in listeners:
            opened.enter_context(listener)
        if values.show:
            open_window()
        print(f"{model} {_describe(runner)}; press Ctrl-C to stop", flush=True)

        until_stop = itertools.takewhile(lambda _: not stop.is_set(), source.frames)
        frames = AtRate(until_stop, runner.spec.fps)
        max_gap = _MAX_GAP if source.is_live else None
        if decoder is None:
            threshold = SHOWN_SCORE if values.threshold is None else values.threshold
            session = DetectionSession(runner, max_gap, threshold)
        else:
            session = Session(runner, decoder, max_gap, listeners)
        fps = output_fps(source.fps, runner.spec.fps)
        run_and_record(session, frames, folder, fps, values.show)


def _check_output(output):
    if not output:
        return None
    output_folder.check_new(pathlib.Path(output))
    return pathlib.Path(output)


def _load_runner(model, num_threads, runtime, delegate, unchecked):
    runner = StreamRunner(model, num_threads, runtime, delegate, unchecked)
    if not runner.is_detector and runner.spec.modality != "rgb":
        raise InputError("model", "must take RGB frames", runner.spec.modality)
    if runner.num_streams > 1:
        received = f"{model}, which has {runner.num_streams}"
        raise InputError("model", "must have one stream", received)
    if runner.frames_per_step > 1:
        # The first frame of a step would wait for the others.
        rule = "must take one frame per step; export it without --frames_per_step"
        raise InputError("model", rule, f"{model}, which takes {runner.frames_per_step}")
    return runner


def _check_omitted(given, is_detector):
    """Raises an `InputError` about flags that only the other kind of model has."""
    kind = "detector" if is_detector else "classifier"
    for name, value in given.items():
        if value not in (None, False):
            raise InputError(name, f"must be omitted for a {kind}", value)


def _describe(runner):
    fps = runner.spec.fps
    where = runner.runtime
    if runner.acceleration:
        where += f" ({runner.acceleration})"
    if fps:
        return f"on {where}, the model's {fps:g} frames/s"
    return f"on {where}, every second frame (the file does not specify the model's rate)"


def _decoder(runner, original_smoothing, **steps):
    """Returns the decoder that fits the model, or the original smoothing if a flag asks for it."""
    given = {name: value for name, value in steps.items() if value is not None}
    if runner.spec.multi_label:
        if given or original_smoothing:
            rule = "must not be given for a model with several classes per video"
            raise InputError("original_smoothing", rule, True)
        return PresenceDecoder.of(runner.spec)
    if not given and not original_smoothing:
        return EventDecoder.of(runner.spec)
    rules = dataclasses.replace(runner.smoothing, **given)
    return SmoothedEvents(Smoother(runner.labels, rules, runner.spec.background_labels))


def _listeners(events, command):
    """Returns the contexts that are called with each event."""
    listeners = []
    if events:
        listeners.append(EventFile(events))
    if command:
        listeners.append(EventCommand(command))
    return listeners


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
