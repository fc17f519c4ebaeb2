"""Prepares one of the paper's data sets for training: reads its annotations, writes list files.

    python -m tsm_tf.data.prepare --dataset=ucf101 --source=DIR --output=DIR

`--source` holds the official annotations and the videos, in any of the published layouts. The
output is a data folder: `train.txt`, `val.txt`, `test.txt` (the splits that the data set has) and
`labels.txt`. Videos stay where they are. `report.json` accounts for every other file and video:

- `missing`: videos that the annotations name and that are not there;
- `unreadable`: files and folders that cannot be decoded; `reasons` says why;
- `replaced`: damaged files in whose place a published replacement is listed;
- `duplicates`: further copies of listed videos, and videos that the annotations name twice;
- `respelled`: listed files whose names are spelled differently from the annotations;
- `short`: listed videos with fewer than three frames, which training leaves out;
- `extra`: videos that the annotations do not name;
- `ignored`: files that are no videos, such as archives and unfinished downloads.

Every video is opened once, and its first frame is decoded; `--decode_all` decodes all frames. To
resume an interrupted check, run the same command again.
"""

import functools
import json
import os
import pathlib
import posixpath
import shlex

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.data.datasets.annotations import SPLITS, Annotations
from tsm_tf.data.datasets.catalogue import CLASS_ORDERS, DATA_SETS, TSM, DataSet, plain_name
from tsm_tf.data.datasets.checking import check_video, check_videos
from tsm_tf.data.datasets.matching import match
from tsm_tf.data.datasets.readers import READERS, read_annotations
from tsm_tf.data.datasets.report import PROBLEMS, Report, build_report
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.files import write_text

REPORT_FILE, LABELS_FILE, RATE_FILE = "report.json", "labels.txt", "rate.txt"

_MARKER = "prepare.json"
_CACHE, _CACHE_OF_ALL = "checked.jsonl", "decoded.jsonl"


def define_flags():
    flags.DEFINE_enum("dataset", None, list(DATA_SETS), "The data set.", required=True)
    flags.DEFINE_string(
        "source",
        None,
        "Folder with the official annotations and the videos, as published.",
        required=True,
    )
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the lists, the class names and the report; new, or from the same command.",
        required=True,
    )
    flags.DEFINE_integer("split", 1, "Which split of UCF101 or HMDB51, from 1 to 3.")
    flags.DEFINE_enum(
        "class_order",
        TSM,
        CLASS_ORDERS,
        "Whose class numbers to use: those of the original TSM, or of MMAction2.",
    )
    flags.DEFINE_integer(
        "workers",
        0,
        "Number of processes that open videos; 0 starts one per processor.",
        lower_bound=0,
    )
    flags.DEFINE_boolean(
        "decode_all",
        False,
        "Whether to decode every picture of video files, instead of the first, to find damage.",
    )


def main():
    values = flags.FLAGS

    prepare(
        name=values.dataset,
        source=pathlib.Path(values.source),
        output=pathlib.Path(values.output),
        split=values.split,
        class_order=values.class_order,
        workers=values.workers,
        decode_all=values.decode_all,
    )

    recipe = DATA_SETS[values.dataset].recipe
    print(
        f"next: python -m tsm_tf.training --recipe={recipe} --data={shlex.quote(values.output)} "
        f"--output=runs/{values.dataset} --quick"
    )


def prepare(
    name: str,
    source: pathlib.Path,
    output: pathlib.Path,
    split: int = 1,
    class_order: str = TSM,
    workers: int = 0,
    decode_all: bool = False,
) -> Report:
    """Writes the lists, the class names and the report of a data set, and prints a summary.

    Args:
        name: the data set, a key of `DATA_SETS`.
        source: the folder with its annotations and videos.
        output: the folder to write; new, or from the same settings.
        split: which official pair of lists, from 1.
        class_order: one of `CLASS_ORDERS`.
        workers: number of processes that open videos; 0 starts one per processor.
        decode_all: whether to decode all frames of video files, instead of the first.

    Raises:
        MissingFile: there is no such source, or it has no annotations of this data set.
        InputError: an unknown split, damaged annotations, classes of another data set, a source
            without any of the videos, or an output folder that holds something else.
    """
    data_set = DATA_SETS[name]
    _check_arguments(data_set, source, split)
    source = pathlib.Path(os.path.abspath(source))
    subject = {
        "dataset": name,
        "source": str(source),
        "split": split,
        "class_order": class_order,
    }
    output_folder.check_subject(output, _MARKER, subject)

    print(f"looking through {source}", flush=True)
    tree = SourceTree(source, data_set.video_folder, skip=output)
    annotations = read_annotations(tree, name, data_set.title, split)
    labels = choose_labels(annotations, data_set, class_order)
    matches = match(annotations, tree, READERS[name])
    _print_found(annotations, data_set, matches, labels, class_order)
    if not matches.found:
        rule = f"must hold videos of {data_set.title}; none has a name like this one"
        raise MissingFile("source", rule, next(iter(matches.missing), ""))

    output_folder.claim(output, _MARKER, subject)
    copies = [[str(source / path) for path in video.paths] for video in matches.found]
    cache = output / (_CACHE_OF_ALL if decode_all else _CACHE)
    check = functools.partial(check_video, decode_all=decode_all)
    checked = check_videos(copies, cache, workers, check)

    report = build_report(annotations, matches, checked, labels)
    report.add_unreadable(tree.unreadable)
    if not report.lines:
        path, reason = next(iter(report.reasons.items()))
        rule = f"must hold a video that can be read; {source / path}: {reason}"
        raise InputError("source", rule, f"{len(matches.found):,} videos")

    _write(output, report, labels, data_set.fps, subject)
    _print_report(output, report, tree)
    return report


def _check_arguments(data_set, source, split):
    if not 1 <= split <= data_set.num_splits:
        rule = f"must be from 1 to {data_set.num_splits} for {data_set.title}"
        raise InputError("split", rule, split)
    if not source.is_dir():
        raise MissingFile("source", "must be an existing folder", str(source))


def choose_labels(
    annotations: Annotations,
    data_set: DataSet,
    class_order: str,
) -> tuple[str, ...]:
    """Returns the classes that the annotations name, in the order of a code base.

    Args:
        annotations: those of the data set; a part of its classes is enough.
        data_set: the data set.
        class_order: one of `CLASS_ORDERS`.

    Raises:
        InputError: a class is not one of the data set.
    """
    official = data_set.labels(class_order)
    known = set(map(plain_name, official))
    named = {plain_name(label): label for label in annotations.class_names}
    named |= {plain_name(entry.label): entry.label for entry in annotations.entries if entry.label}

    unknown = [label for name, label in named.items() if name not in known]
    if unknown:
        rule = (
            f"must hold annotations of {data_set.title}, with its {len(official)} classes; "
            f"{annotations.files[0]} is of another data set"
        )
        raise InputError("source", rule, unknown[0])
    return tuple(label for label in official if plain_name(label) in named)


def _write(output, report, labels, fps, subject):
    write_text(output / LABELS_FILE, "\n".join(labels) + "\n")
    if fps:
        write_text(output / RATE_FILE, f"{fps}\n")  # for folders of images, which have no rate
    for split in SPLITS:
        if split in report.lines:
            write_text(output / f"{split}.txt", "\n".join(report.lines[split]) + "\n")
        else:
            (output / f"{split}.txt").unlink(missing_ok=True)  # of an earlier call

    status = os.stat(output)
    content = {
        **subject,
        "st_dev": status.st_dev,  # a copy of the folder has other numbers
        "st_ino": status.st_ino,
        "annotated": {split: report.annotated.get(split, 0) for split in SPLITS},
        "listed": {split: len(report.lines.get(split, ())) for split in SPLITS},
        **report.problems,
        "reasons": dict(sorted(report.reasons.items())),
    }
    write_text(output / REPORT_FILE, json.dumps(content, indent=2) + "\n")


def _print_found(annotations, data_set, matches, labels, class_order):
    total = len(data_set.labels())
    those_of = {TSM: "the original TSM"}.get(class_order, "MMAction2")
    folder = posixpath.dirname(annotations.files[0]) or "the source itself"
    count = len(annotations.entries)

    print(f"{data_set.title}: annotations in the form of {annotations.variant}, in {folder}")
    if len(labels) == total:
        print(f"classes: all {total}, in the order of {those_of}")
    else:
        print(f"classes: the {len(labels)} of {total} that they name, in the order of {those_of}")
    print(f"found: {len(matches.found):,} of {count - matches.unused:,} videos, as {matches.kind}")
    if matches.unused:
        print(f"  {matches.unused:,} more are in neither list of this split, as published")


def _print_report(output, report, tree):
    for split in SPLITS:
        if report.annotated.get(split):
            count = len(report.lines.get(split, ()))
            state = f"{count:,} of {report.annotated[split]:,} videos" if count else "not written"
            print(f"{output / split}.txt: {state}")

    found = [f"{name} {len(report.problems[name]):,}" for name in PROBLEMS]
    print(f"{output / REPORT_FILE}: {', '.join(found)}")
    if tree.outside:
        print(
            f"links lead out of {tree.source}, such as {tree.outside[0]}; commands that read "
            "videos behind them need --allow_outside"
        )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
