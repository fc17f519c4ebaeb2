"""Renders the page of `tsm_tf.analysis.report`."""

import base64
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

from tsm_tf.analysis import curves
from tsm_tf.analysis.cost import model_cost
from tsm_tf.analysis.devices import read_latency
from tsm_tf.analysis.runs import CAM_FILE, LATENCY_FILE, Run, find_files
from tsm_tf.errors import InputError
from tsm_tf.evaluation.report import CONFUSION_FILE
from tsm_tf.html_page import render_page
from tsm_tf.models.clip import build_model

_TEMPLATE = pathlib.Path(__file__).with_name("report.html.jinja")
_MAX_PICTURE_BYTES = 20 << 20
_LONG_FIELDS = ("keras_json", "labels")
_STREAM_FIGURES = {
    # key in `stream.json`: name, and whether it is a share
    "event_f1": ("events, F1", True),
    "event_precision": ("events, precision", True),
    "event_recall": ("events, recall", True),
    "levenshtein_accuracy": ("sequence of events, Levenshtein accuracy", True),
    "frame_accuracy": ("frames, top-1", True),
    "false_alarms_per_hour": ("false alarms per hour of background", False),
    "delay_median_s": ("median delay of events (s)", False),
}


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of a table with one column per run.

    Args:
        title: what the rows have in common.
        rows: a name, and one text per run.
        header: text above the names.
    """

    title: str
    rows: Sequence[tuple[str, Sequence[str]]]
    header: str = ""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Args:
        caption: text below it.
        data: the file as a data URI.
    """

    caption: str
    data: str


def render_report(runs: Sequence[Run], folders: Sequence[str]) -> str:
    """Returns the page as HTML.

    Args:
        runs: the models, of which the first is the one that others are compared with.
        folders: where to search for latencies and class activation maps.

    Raises:
        InputError: a damaged file.
    """
    different, same = _spec_tables(runs)
    return render_page(
        _TEMPLATE,
        names=[run.name for run in runs],
        different=different,
        same=same,
        cost=_cost_table(runs),
        accuracy=_accuracy_table(runs),
        classes=list(_class_tables(runs)),
        streams=_stream_table(runs),
        latencies=[row for path in _find(folders, LATENCY_FILE) for row in read_latency(path)],
        curves=_curves(runs),
        confusions=_confusions(runs),
        maps=[
            _picture(path, str(path))
            for marker in _find(folders, CAM_FILE)
            for path in sorted(marker.parent.glob("*.png"))
        ],
    )


def _find(folders, name) -> Iterator[pathlib.Path]:
    """Yields files in folders, each once."""
    seen = set()
    for folder in folders:
        for path in find_files(pathlib.Path(folder), name):
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _spec_tables(runs):
    """Returns the fields that differ between runs, and those that do not."""
    different, same = [], []
    for field in dataclasses.fields(runs[0].spec):
        values = [getattr(run.spec, field.name) for run in runs]
        texts = [_text(field.name, value) for value in values]
        is_same = all(value == values[0] for value in values)
        (same if is_same else different).append((field.name, texts))
    return Table("What differs", different), Table("What is the same", same)


def _text(name, value):
    if value is None:
        return "–"
    if name in _LONG_FIELDS:
        return f"{len(value):,} {'names' if name == 'labels' else 'characters'}"
    if dataclasses.is_dataclass(value):
        return ", ".join(f"{key}={number}" for key, number in vars(value).items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _cost_table(runs):
    costs = [model_cost(build_model(run.spec)) for run in runs]
    rows = [
        ("parameters", [f"{cost.total('parameters'):,}" for cost in costs]),
        (
            "multiply-adds per clip (G)",
            [f"{cost.total('multiply_adds') / 1e9:,.3f}" for cost in costs],
        ),
        (
            "caches of a stream (bytes, float32)",
            ["–" if cost.cache_bytes is None else f"{cost.cache_bytes:,}" for cost in costs],
        ),
    ]
    return Table("Cost", rows)


def _key(evaluation):
    return str(evaluation["data"]), str(evaluation.get("split")), str(evaluation["protocol"])


def _accuracy_table(runs):
    """Returns top-1, top-5 and mean class accuracy per data, split and protocol."""
    found = [{_key(evaluation): evaluation for evaluation in run.evaluations} for run in runs]
    keys = sorted({key for evaluations in found for key in evaluations})
    rows = [
        (" · ".join(key), [_accuracy(evaluations.get(key)) for evaluations in found])
        for key in keys
    ]
    return Table("Accuracy", rows, "data · split · protocol")


def _accuracy(evaluation):
    if evaluation is None:
        return "–"
    if evaluation.get("top1") is None:
        return f"mAP {evaluation['mAP']:.1%}"
    recalls = [row["recall"] for row in evaluation["per_class"] if row.get("recall") is not None]
    mean = sum(recalls) / len(recalls) if recalls else None
    return " / ".join(map(_percent, (evaluation["top1"], evaluation.get("top5"), mean)))


def _percent(share):
    return "–" if share is None else f"{share:.1%}"


def _class_tables(runs) -> Iterator[Table]:
    """Yields recall per class for each evaluation of all runs, largest differences first."""
    found = [{_key(evaluation): evaluation for evaluation in run.evaluations} for run in runs]
    for key in sorted(set(found[0]).intersection(*found[1:])):
        recalls = [
            {row["class"]: row["recall"] for row in evaluations[key]["per_class"]}
            for evaluations in found
        ]
        names = [name for name in recalls[0] if all(name in recall for recall in recalls)]
        rows = [(name, [recall[name] for recall in recalls]) for name in names]
        rows.sort(key=lambda row: -_largest_difference(row[1]))
        yield Table(" · ".join(key), [(name, _with_differences(row)) for name, row in rows])


def _largest_difference(values):
    known = [value for value in values if value is not None]
    return max(known) - min(known) if known else 0.0


def _with_differences(values):
    first, *others = values
    texts = [_percent(first)]
    for value in others:
        text = _percent(value)
        if value is not None and first is not None and value != first:
            text += f" ({100 * (value - first):+.1f})"
        texts.append(text)
    return texts


def _stream_table(runs):
    """Returns the figures of streams; if a run has several, those of the last folder by name."""
    found = [run.streams[-1] if run.streams else {} for run in runs]
    rows = []
    for key, (name, is_share) in _STREAM_FIGURES.items():
        values = [figures.get(key) for figures in found]
        if any(value is not None for value in values):
            texts = [
                _percent(value) if is_share or value is None else f"{value:.2f}" for value in values
            ]
            rows.append((name, texts))
    return Table("Streams", rows)


def _curves(runs) -> list[Picture]:
    trained = {run.name: curves.read_run(run.folder) for run in runs if run.log is not None}
    if not trained:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "curves.png")
        curves.plot(trained, path)
        return [_picture(path, "top-1 on the validation videos over the time of training")]


def _confusions(runs):
    return [
        _picture(path, f"{run.name}: {' · '.join(_key(evaluation))}")
        for run in runs
        for evaluation in run.evaluations
        if (path := evaluation["folder"] / CONFUSION_FILE).is_file()
    ]


def _picture(path: pathlib.Path, caption: str) -> Picture:
    """Returns a PNG file as a part of the page."""
    if path.stat().st_size > _MAX_PICTURE_BYTES:
        rule = f"must have pictures of at most {_MAX_PICTURE_BYTES:,} bytes"
        raise InputError("results", rule, str(path))
    text = base64.b64encode(path.read_bytes()).decode()
    return Picture(caption, f"data:image/png;base64,{text}")
