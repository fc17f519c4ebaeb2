"""Reads what is known about trained models: spec, curves, evaluations, and figures of streams."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from tsm_tf.errors import InputError
from tsm_tf.evaluation.protocols import EFFICIENT
from tsm_tf.evaluation.report import METRICS_FILE
from tsm_tf.evaluation.stream.report import FIGURES_FILE
from tsm_tf.output_folder import read_marker
from tsm_tf.spec import ModelSpec
from tsm_tf.training.run_folder.curves import LOG_FILE
from tsm_tf.weights.checkpoint import load_spec
from tsm_tf.weights.presets.load import resolve_checkpoint

CAM_FILE = "cam.json"
LATENCY_FILE = "latency.csv"
_SKIPPED = {"states", "tensorboard", "clips"}  # folders of a training without results

Result = dict[str, Any]


def _is_share(value):
    return isinstance(value, (int, float)) and 0 <= value <= 1


def _is_optional_share(value):
    return value is None or _is_share(value)


def _is_optional_number(value):
    return value is None or isinstance(value, (int, float))


def _is_text(value):
    return isinstance(value, str)


def _are_classes(value):
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and _is_text(row.get("class"))
        and _is_optional_share(row.get("recall"))
        for row in value
    )


_METRICS = {
    # key in `metrics.json`: whether a value is valid
    "data": _is_text,
    "top1": _is_optional_share,
    "mAP": _is_optional_share,
    "top5": _is_optional_share,
    "per_class": _are_classes,
}
_FIGURES = {
    "data": _is_text,
    **dict.fromkeys(
        (
            *("event_f1", "event_precision", "event_recall", "levenshtein_accuracy"),
            *("frame_accuracy", "false_alarms_per_hour", "delay_median_s"),
        ),
        _is_optional_number,
    ),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model and its results.

    Args:
        name: the folder, as given.
        folder: the folder of the training or checkpoint.
        spec: what the model is.
        evaluations: contents of `metrics.json`, one per evaluation, with `folder`.
        streams: contents of `stream.json`, one per evaluation, with `folder`.
    """

    name: str
    folder: pathlib.Path
    spec: ModelSpec
    evaluations: tuple[Result, ...] = ()
    streams: tuple[Result, ...] = ()

    @property
    def with_top1(self) -> list[Result]:
        """The evaluations on videos with one class each; others have a mean average precision."""
        return [evaluation for evaluation in self.evaluations if evaluation.get("top1") is not None]

    @property
    def log(self) -> pathlib.Path | None:
        """The CSV file of the training's curves; None if it is not a training's folder."""
        path = self.folder / LOG_FILE
        return path if path.is_file() else None


def read_runs(
    runs: Sequence[str | os.PathLike],
    results: Sequence[str | os.PathLike] = (),
    need_top1: bool = False,
) -> list[Run]:
    """Returns runs with their results.

    Args:
        runs: checkpoint folders, folders of trainings, or `preset:NAME`. Results inside the folders
            are theirs.
        results: more folders to search. A result there belongs to the run that it names as its
            `checkpoint`.
        need_top1: each run must have been evaluated, on videos with one class each.

    Raises:
        MissingFile: a folder without a checkpoint.
        InputError: no runs, one run twice, damaged results, or no top-1 that is needed, such as
            that of a model for several classes per video.
    """
    if not runs or len({pathlib.Path(run).resolve() for run in runs}) < len(runs):
        raise InputError("runs", "must name at least one folder, each once", list(map(str, runs)))
    for folder in results:
        if not pathlib.Path(folder).is_dir():
            raise InputError("results", "must be existing folders", str(folder))

    found = []
    for name in runs:
        folder = pathlib.Path(resolve_checkpoint(name))
        spec = load_spec(folder)
        if need_top1 and spec.multi_label:
            rule = "must be models that were trained on videos with one class each"
            raise InputError("runs", rule, str(name))
        run = Run(
            str(name),
            folder,
            spec,
            tuple(_read_all(str(name), folder, results, METRICS_FILE, _METRICS)),
            tuple(_read_all(str(name), folder, results, FIGURES_FILE, _FIGURES)),
        )
        if need_top1 and not run.with_top1:
            rule = "must have a top-1: run `python -m tsm_tf.evaluation`, or name the results"
            raise InputError("runs", rule, str(name))
        found.append(run)
    return found


def _read_all(run, folder, results, name, checks) -> Iterable[Result]:
    """Yields the results of a run, those in its own folder first."""
    own = folder.resolve()
    seen = set()
    for root in (folder, *map(pathlib.Path, results)):
        for path in find_files(root, name):
            if path.resolve() in seen:
                continue
            values = read_marker(path, "results")
            if values is None:
                continue
            bad = [key for key, is_good in checks.items() if not is_good(values.get(key))]
            if name == METRICS_FILE and values.get("top1") is None and values.get("mAP") is None:
                bad.append("top1")
            if bad:
                raise InputError("results", f"must have valid {', '.join(bad)}", str(path))

            checkpoint = str(values.get("checkpoint", ""))
            path_of = pathlib.Path(checkpoint).resolve()
            if root == folder or run == checkpoint or own in (path_of, *path_of.parents):
                seen.add(path.resolve())
                values.setdefault("protocol", EFFICIENT.name)
                yield {**values, "folder": path.parent}


def find_files(root: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Returns the files with a name in a folder and the folders inside it, sorted.

    The states and logs of trainings are skipped.
    """
    found = []
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - _SKIPPED)
        if name in files:
            found.append(pathlib.Path(parent, name))
    return found
