"""Writes the results of streams: `stream.json`, `events.csv` and `timeline.png`."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tsm_tf.evaluation.events import Event
from tsm_tf.evaluation.plot_text import plot_names
from tsm_tf.evaluation.stream.figures import Figures, match_events
from tsm_tf.evaluation.stream.joined import JoinedStream
from tsm_tf.files import replacing, write_csv, write_text
from tsm_tf.spec import ModelSpec

FIGURES_FILE = "stream.json"
EVENTS_FILE = "events.csv"
TIMELINE_FILE = "timeline.png"
COLUMNS = ("stream", "seconds", "predicted", "probability", "true", "start", "end", "outcome")

_ROWS = 8  # streams in the picture
_SECONDS = 120.0  # of each of them
_BACKGROUND_COLOR = (0.92, 0.92, 0.92, 1.0)


def write_report(
    folder: pathlib.Path,
    figures: Figures,
    subject: Mapping[str, Any],
    streams: Sequence[JoinedStream],
    events: Sequence[Sequence[Event]],
    spec: ModelSpec,
) -> None:
    """Writes the three files.

    Args:
        folder: an existing folder.
        figures: the figures.
        subject: what was evaluated; written into `stream.json` beside the figures.
        streams: the truth.
        events: the events of each stream.
        spec: gives the class names.
    """
    write_csv(folder / EVENTS_FILE, _rows(streams, events, spec), COLUMNS)
    plot_timeline(folder / TIMELINE_FILE, streams, events, spec)
    text = json.dumps({**subject, **figures}, indent=2, ensure_ascii=False)
    write_text(folder / FIGURES_FILE, text + "\n")


def _rows(streams, events, spec):
    rows = []
    for number, (stream, found) in enumerate(zip(streams, events, strict=True)):
        for match in match_events(found, stream.gestures):
            event, gesture = match.event, match.gesture
            if match.is_correct:
                outcome = "correct"
            elif gesture:
                outcome = "missed"
            else:
                outcome = "false alarm" if match.is_false_alarm else "wrong"
            rows.append(
                {
                    "stream": number,
                    "seconds": f"{event.seconds:.3f}" if event else "",
                    "predicted": event.label if event else "",
                    "probability": f"{event.probability:.4f}" if event else "",
                    "true": spec.labels[gesture.label] if gesture and spec.labels else "",
                    "start": f"{gesture.start:.3f}" if gesture else "",
                    "end": f"{gesture.end:.3f}" if gesture else "",
                    "outcome": outcome,
                }
            )
    return rows


def plot_timeline(
    path: pathlib.Path,
    streams: Sequence[JoinedStream],
    events: Sequence[Sequence[Event]],
    spec: ModelSpec,
) -> None:
    """Draws the start of some streams: what happened as strips, and the events below them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    palette = pyplot.get_cmap("tab20")
    colors = {index: palette(index % palette.N) for index in range(spec.num_classes)}
    shown = list(zip(streams, events, strict=True))[:_ROWS]
    figure, axes = pyplot.subplots(
        len(shown), 1, figsize=(14, 1.0 + 0.62 * len(shown)), sharex=True, squeeze=False
    )
    used = set()
    for number, (axis, (stream, found)) in enumerate(zip(axes[:, 0], shown, strict=True)):
        axis.axhspan(0, 2, color=_BACKGROUND_COLOR, linewidth=0)
        for gesture in stream.gestures:
            axis.broken_barh(
                [(gesture.start, gesture.seconds)], (1, 1), facecolors=colors[gesture.label]
            )
            used.add(gesture.label)
        for match in match_events(found, stream.gestures):
            event = match.event
            if event is None:
                continue
            used.add(event.index)
            end = match.gesture.end if match.gesture else event.seconds + 0.5
            axis.broken_barh(
                [(event.seconds, max(0.25, end - event.seconds))],
                (0, 0.9),
                facecolors=colors[event.index],
                edgecolors="black" if match.is_correct else "red",
                linewidth=0.5 if match.is_correct else 2,
            )
        axis.set_ylim(0, 2)
        axis.set_yticks([0.45, 1.5], ["event", "true"], fontsize=7)
        axis.set_ylabel(number, rotation=0, labelpad=12)
        axis.set_xlim(0, min(_SECONDS, max(stream.seconds for stream, _ in shown)))
    axes[-1, 0].set_xlabel("seconds; a red frame marks a wrong event")
    names = plot_names(spec.labels or tuple(map(str, range(spec.num_classes))))
    handles = [Patch(color=colors[index], label=names[index]) for index in sorted(used)]
    figure.legend(handles=handles, loc="upper center", ncols=5, fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.55 / figure.get_figheight()))
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    pyplot.close(figure)
