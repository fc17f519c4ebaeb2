"""Evaluates detectors by motion: `python -m tsm_tf.detection.evaluation --checkpoints=DIR,DIR`.

    python -m tsm_tf.detection.evaluation --checkpoints=runs/rfcn,runs/tsm --data=DIR --output=DIR

Average precision as on ImageNet-VID (section 6 and Table 9 of the paper): per class, for slow,
medium and fast objects, and by area. It also writes precision-recall curves, the detections of each
detector as a text file, and a video with the true and the detected boxes side by side (Fig. 6).
With `--models`, files of `export.tflite --online` are evaluated, one frame at a time as on a
device. With `--detections`, such text files are evaluated without a detector.
"""

import functools
import hashlib
import pathlib

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.detection.data.listing import open_detection_data
from tsm_tf.detection.evaluation.collect import collect_boxes, count_frames
from tsm_tf.detection.evaluation.detect_split import detect_split, detect_with_file
from tsm_tf.detection.evaluation.detections_file import read_detections
from tsm_tf.detection.evaluation.figures import compute_figures, write_figures
from tsm_tf.detection.evaluation.subjects import CHECKPOINTS, DETECTIONS, MODELS, name_subjects
from tsm_tf.detection.evaluation.vid_ap import GROUPS
from tsm_tf.errors import InputError, naming

_MARKER = "evaluation.json"


def define_flags():
    flags.DEFINE_list("checkpoints", [], "Checkpoint folders of detectors, with commas.")
    flags.DEFINE_list("models", [], "Exported files of detectors, with commas.")
    flags.DEFINE_list(
        "detections",
        [],
        "Detections files, with commas: a frame, a class, a score and four corners per line.",
    )
    flags.DEFINE_string(
        "data",
        None,
        "Folder of annotated videos: ImageNet-VID's layout, or COCO-VID JSON.",
        required=True,
    )
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_string("split", "val", "Which videos to use: val, train, or the name of a list.")
    flags.DEFINE_bool(
        "coco", False, "Also computes COCO's AP50, which differs from ImageNet-VID's."
    )
    flags.DEFINE_string("video", None, "Name of the video to draw. Default: most fast objects.")
    flags.DEFINE_float(
        "min_score",
        0.5,
        "Lowest score of a box that is drawn.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_float("fps", 10, "Frames per second of the drawn video.", lower_bound=0.1)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    subjects = name_subjects(values.checkpoints, values.models, values.detections)
    listing = open_detection_data(values.data)
    videos = listing.videos(values.split)
    marker = {
        "data": values.data,
        "split": values.split,
        "selection": {subject.name: _identity(subject) for subject in subjects},
    }
    output_folder.check_subject(output, _MARKER, marker)
    labels, num_frames = listing.labels, count_frames(videos)
    detected = {
        subject.name: read_detections(subject.path, num_frames, len(labels))
        for subject in subjects
        if subject.kind == DETECTIONS
    }
    detectors = {s.name: _load(s, labels) for s in subjects if s.kind != DETECTIONS}

    from tsm_tf.detection.evaluation import film

    true = collect_boxes(videos, ProgressLine(len(videos), "videos", "read").show)
    drawn = videos[film.choose_video(videos, true, values.video)]

    output_folder.claim(output, _MARKER, marker)
    for name, detect in detectors.items():
        path = output / f"{name}.txt"
        _detect(detect, videos, path)
        detected[name] = read_detections(path, num_frames, len(labels))
    detected = {subject.name: detected[subject.name] for subject in subjects}

    results = _evaluate(detected, true, labels, values.coco)
    _write(output, results)
    film.write_film(output, drawn, labels, true, detected, values.min_score, values.fps)
    print(f"written to {output}")


def _identity(subject):
    """Returns what must be the same when results are updated."""
    if subject.kind == DETECTIONS:
        return {"path": str(subject.path)}
    if subject.kind == MODELS:
        digest = hashlib.sha256(subject.path.read_bytes()).hexdigest()
        return {"path": str(subject.path), "sha256": digest}

    from tsm_tf.evaluation.evaluate import checkpoint_digest

    with naming(CHECKPOINTS):
        return {"path": str(subject.path), "sha256": checkpoint_digest(subject.path)}


def _load(subject, labels):
    """Returns what yields the detections of a video, see `detect_split`."""
    with naming(subject.kind):
        if subject.kind == MODELS:
            from export.runtime import StreamRunner

            model = StreamRunner(subject.path)
            if not model.is_detector:
                raise InputError("model", "must be a detector", str(subject.path))
            detect = functools.partial(detect_with_file, model)
        else:
            from tsm_tf.detection.checkpoint import load_detector
            from tsm_tf.detection.detect import detect_video

            model = load_detector(subject.path)
            detect = functools.partial(detect_video, model)

    classes = model.spec.labels or model.spec.num_classes
    if classes not in (labels, len(labels)):
        rule = f"must have the {len(labels)} classes of the data; {subject.path} has others"
        raise InputError(subject.kind, rule, classes)
    return detect


def _detect(detect, videos, path):
    """Writes the detections of a model, unless they are there."""
    print(f"{path.stem}: searching for objects", flush=True)
    try:
        detect_split(detect, videos, path)
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to resume")
        raise


def _evaluate(detected, true, labels, with_coco):
    return {
        name: compute_figures(
            boxes,
            true,
            labels,
            with_coco,
            ProgressLine(len(labels), f"classes of {name}", "evaluated").show,
        )
        for name, boxes in detected.items()
    }


def _write(output, results):
    from tsm_tf.detection.evaluation.curves import draw_curves

    write_figures(output, results)
    draw_curves(output, results)

    print("mAP     " + "".join(f"{group.name:>13}" for group in GROUPS))
    for name, figures in results.items():
        means = [figures.mean(group.name) for group in GROUPS]
        shares = ["-" if mean is None else f"{mean:.1%}" for mean in means]
        print(f"        {''.join(f'{share:>13}' for share in shares)}  {name}")
        if figures.mean_coco is not None:
            print(f"        COCO's mAP50: {figures.mean_coco:.1%}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
