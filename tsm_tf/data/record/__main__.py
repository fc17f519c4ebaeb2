"""Records clips of one's own classes with a camera, into a folder to train on.

    python -m tsm_tf.data.record --classes="wave,point,nothing" --output=data/mine

The window shows the camera, the class to perform and a countdown. Space or Enter starts (and
pauses), r takes the last clip again, q quits. To continue later, run the same command again.
"""

import contextlib
import pathlib
import shlex

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.errors import InputError
from tsm_tf.files import remove_temporary_files, write_text

MARKER = "record.json"
_SUBJECT = {"written_by": "tsm_tf.data.record"}


def define_flags():
    flags.DEFINE_list("classes", None, "Class names, with commas.", required=True)
    output = "Folder for the clips; a folder of this command is continued."
    flags.DEFINE_string("output", None, output, required=True)
    flags.DEFINE_integer("clips", 20, "Clips per class. Every fifth is for validation.")
    flags.DEFINE_float("seconds", 2.0, "Length of a clip.", lower_bound=0.1, upper_bound=600)
    flags.DEFINE_float("countdown", 3.0, "Seconds before each clip.", lower_bound=0, upper_bound=60)
    flags.DEFINE_list(
        "background",
        None,
        "Classes in which nothing happens, with commas; they cause no events. Default: those named "
        "nothing, none, background or idle.",
    )
    flags.DEFINE_string("camera", "0", "Number or path of the camera, such as 0 or /dev/video0.")
    flags.DEFINE_string("video", None, "Video file to record from, instead of a camera.")
    flags.DEFINE_bool(
        "show",
        True,
        "Show a window. Without one, the clips follow one another, and the terminal shows the "
        "countdown.",
    )


def main():
    values = flags.FLAGS
    folder = pathlib.Path(values.output)

    # Imported here, so that a missing package is reported in one line.
    from tsm_tf.data.record.clips import (
        check_background,
        check_classes,
        missing_clips,
        newest_clip,
        plan_clips,
    )

    classes = check_classes(values.classes)
    background = check_background(values.background, classes)
    clips = plan_clips(folder, classes, values.clips)
    output_folder.check_subject(folder, MARKER, _SUBJECT)

    todo = missing_clips(clips)
    print(f"{len(clips)} clips of {len(classes)} classes; {len(clips) - len(todo)} are recorded")
    if not todo:
        _print_next_commands(folder)
        return

    session, source_name = _record(values, folder, background, todo, newest_clip(clips))
    if not session.left:
        _print_next_commands(folder)
    elif session.has_quit:
        print(f"{_progress(session)}; run the same command again to continue")
    else:
        is_live = values.video is None
        argument = "camera" if is_live else "video"
        how = "; plug it in and run the same command again to continue" if is_live else ""
        rule = f"must have frames until the last clip, and has ended; {_progress(session)}{how}"
        raise InputError(argument, rule, source_name)


def _record(values, folder, background, todo, last):
    """Records the clips of `todo`; returns the session, and the name of the source of frames."""
    from tsm_tf.camera.window import open_window
    from tsm_tf.data.record.run import open_camera, record
    from tsm_tf.data.record.session import RecordingSession

    with contextlib.closing(open_camera(values.camera, values.video)) as source:
        if values.show:
            open_window("--noshow records without one")
        _claim(folder, background)
        session = RecordingSession(
            todo,
            values.seconds,
            values.countdown,
            source.fps,
            waits=values.show and values.video is None,
            last=last,
        )
        try:
            record(session, source, values.show)
        except KeyboardInterrupt:
            print(f"\n{_progress(session)}; run the same command again to continue")
            raise
    return session, source.name


def _claim(folder, background):
    try:
        output_folder.claim(folder, MARKER, _SUBJECT)
        remove_temporary_files(folder)
        if background:
            write_text(folder / "background.txt", "".join(f"{name}\n" for name in background))
    except OSError as error:
        rule = f"must be writable and have free space ({error})"
        raise InputError("output", rule, str(folder)) from error


def _progress(session):
    return f"{session.recorded} clips were recorded and kept, {session.left} are left"


def _print_next_commands(folder):
    run = folder.parent / f"{folder.name}-model"
    training = shlex.join([f"--data={folder}", f"--output={run}"])
    print(f"all clips are in {folder}; next:")
    print(f"  python -m tsm_tf.training --recipe=gestures --epochs=150 {training}")
    print(f"  python -m export.live {shlex.join([f'--model={run}'])} --camera=0 --show")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
