"""Recognises gestures in a video or a camera, one frame at a time, as a phone does.

python -m export.live --model=FILE --video=FILE --output=DIR
python -m export.live --model=FILE --camera=0 --show
python -m export.live --model=FILE --video=rtsp://192.168.0.2/stream --show
rpicam-vid -t 0 --codec libav --libav-format mpegts -o - | python -m export.live --model=FILE --video=- --output=DIR
"""

import contextlib
import itertools
import pathlib

from absl import flags

from export.live.session import Session, open_window, stop_on_signals, stream
from export.live.smoothing import AVERAGED_STEPS, REFRACTORY_STEPS, Smoother
from export.live.sources import DEFAULT_STRIDE, AtRate, open_source
from export.runtime.interpreter import DELEGATES
from tsm_tf import cli
from tsm_tf.errors import InputError

_GAP = 2.0  # seconds without a frame after which a live stream starts anew


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string(
        "model", None, "A file of `python -m export.tflite --online`.", required=True
    )
    flags.DEFINE_string(
        "video", None, "File or URL (rtsp://, http://) to stream, or - for standard input."
    )
    flags.DEFINE_string(
        "camera", None, "Number or path of the camera to stream, such as 0 or /dev/video0."
    )
    flags.DEFINE_string(
        "output", None, "Folder for stream.mp4, stream.gif, frames.csv; needed for --video."
    )
    flags.DEFINE_bool("show", False, "Show a window; q ends.")
    averaged = "Logits are averaged over so many steps; the default is the original demo's."
    flags.DEFINE_integer("averaged_steps", AVERAGED_STEPS, averaged, lower_bound=1)
    stays = "A class that has just come stays for so many more steps; the default is the original demo's."
    flags.DEFINE_integer("refractory_steps", REFRACTORY_STEPS, stays, lower_bound=0)
    flags.DEFINE_integer("threads", 1, "Of the interpreter.", lower_bound=1)
    flags.DEFINE_string(
        "delegate", "none", f"none, {', '.join(DELEGATES)}, or the path of a delegate's library."
    )


def main():
    """Streams."""
    values = flags.FLAGS
    if (values.video is None) == (values.camera is None):
        raise InputError("video", "must be given, or --camera, and not both", values.video)
    if not values.output and not values.show:
        raise InputError("output", "must be given unless --show is", values.output)
    folder = pathlib.Path(values.output) if values.output else None
    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("output", "must be a new or an empty folder", str(folder))
    from export.runtime import StreamRunner

    runner = StreamRunner(values.model, values.threads, delegate=values.delegate)
    if runner.spec.modality != "rgb":
        raise InputError("model", "must take RGB frames", runner.spec.modality)
    if runner.num_streams > 1:
        raise InputError(
            "model", "must be of one stream", f"{values.model}, of {runner.num_streams}"
        )
    smoother = Smoother(runner.labels, values.averaged_steps, values.refractory_steps)
    with stop_on_signals() as stop:
        source = open_source(values.video, values.camera, values.show, stop)
        with contextlib.closing(source.frames):
            if values.show:
                open_window()
            fps = runner.spec.fps
            rate = min(source.fps, fps) if fps else source.fps / DEFAULT_STRIDE
            said = (
                f"the model's {fps:g} frames/s"
                if fps
                else "every second frame: the model does not say its rate"
            )
            print(f"{values.model} on {runner.runtime}, {said}; Ctrl-C ends", flush=True)
            frames = AtRate(itertools.takewhile(lambda _: not stop.is_set(), source.frames), fps)
            session = Session(runner, smoother, _GAP if source.is_live else None)
            stream(session, frames, folder, rate, values.show)
    if stop.is_set():
        raise KeyboardInterrupt


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
