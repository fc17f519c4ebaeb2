"""Shows where and when models see a class: class activation maps over time (paper, section 8).

    python -m tsm_tf.analysis.cam --checkpoints=runs/tsn,runs/tsm --video=wave.mp4 --output=cam

This writes `cam.png` (Fig. 14), `cam.gif` and `cam.mp4`, with the models side by side. The 20% of
each clip that speak most for the class are outlined, and the rest is darkened. `cam.csv` has the
share of the attention in each frame.

With `--data`, the maps of the true class are averaged over the videos of a split, which gives one
`classes-<number>.png` per model and `classes.csv`. The threshold is then that of the whole split,
as in the paper.
"""

import pathlib

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data import data_flags
from tsm_tf.errors import InputError

_MARKER = "cam.json"
METHODS = ("cam", "grad_cam", "hires_cam")


def define_flags():
    flags.DEFINE_string("checkpoint", None, "Checkpoint folder, run folder, or preset:NAME.")
    flags.DEFINE_list("checkpoints", [], "Several of them, to show side by side.")
    flags.DEFINE_string("video", None, "Video to show.")
    data_flags.define(f"{data_flags.LAYOUTS} For average maps per class.", required=False)
    flags.DEFINE_string("split", "val", "Name of the list file in --data, without .txt.")
    flags.DEFINE_string("class", None, "Class to map. Default: the predicted or true one.")
    flags.DEFINE_enum(
        "method",
        None,
        list(METHODS),
        "Kind of map. Default: cam for pooled heads, grad_cam for others, and hires_cam where the "
        "last feature maps have fewer than 7 rows.",
    )
    flags.DEFINE_string("layer", None, "Layer to map. Default: depends on the method.")
    flags.DEFINE_string("output", None, "Folder for the pictures.", required=True)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    class_name = flags.FLAGS["class"].value
    if bool(values.checkpoint) == bool(values.checkpoints):
        received = f"--checkpoint={values.checkpoint}, --checkpoints={values.checkpoints}"
        raise InputError("checkpoint", "must be given, or `checkpoints`, but not both", received)
    if not values.video and not values.data:
        raise InputError("video", "must be given, or `data`, or both", None)
    checkpoints = values.checkpoints or [values.checkpoint]
    subject = {
        "checkpoints": checkpoints,
        "video": values.video,
        "data": values.data,
        "split": values.split,
        "class": class_name,
        "method": values.method,
        "layer": values.layer,
    }
    output_folder.check_subject(output, _MARKER, subject)

    from tsm_tf.analysis.cam_models import load_models, map_split, map_video
    from tsm_tf.data.sources.video_file import VIDEO_FILES

    if values.video:
        VIDEO_FILES.num_frames(values.video)  # reports a bad video before the models are loaded
    listing = data_flags.read(values.split) if values.data else None
    models = load_models(checkpoints, class_name, values.method, values.layer, listing)
    for model in models:
        print(f"{model.name}: {model.mapper.method} at {model.mapper.layer}", flush=True)
    output_folder.claim(output, _MARKER, subject)

    written = []
    if listing is not None:
        written += map_split(models, listing, values.split, output)
    if values.video:
        written += map_video(models, values.video, output)
    print(f"written to {output}: {', '.join(written)}")
    print("all pictures are of the given checkpoints; the paper's own are in its Fig. 14")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
