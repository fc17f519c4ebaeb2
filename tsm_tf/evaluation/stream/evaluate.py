"""Evaluates a model in streams: joins videos, runs the model, fits the event rules, reports."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tsm_tf import output_folder
from tsm_tf.data.listing import Listing, check_labels, open_listing
from tsm_tf.data.sources.memory import MemoryCache
from tsm_tf.data.timeline import Timeline, check_rates, check_timelines, timelines
from tsm_tf.errors import InputError
from tsm_tf.evaluation.stream.figures import Figures, compute_figures
from tsm_tf.evaluation.stream.fitting import decode, fit_rules
from tsm_tf.evaluation.stream.joined import DEFAULT_FPS, JoinedStream, Joiner, halves
from tsm_tf.evaluation.stream.logits import stream_logits
from tsm_tf.evaluation.stream.report import FIGURES_FILE, write_report
from tsm_tf.event_rules import EventRules
from tsm_tf.models.frame_step import Step
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import check_one_class

_CACHE_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to evaluate.

    Args:
        split: which list file.
        background_minutes: length of the pauses, in each half of the split.
        false_alarms_per_hour: wished number, for which the event rules are fitted.
        seed: decides the halves, the order and the pauses.
        num_streams: number of streams in each half, which run side by side.

    Raises:
        InputError: a value out of range.
    """

    split: str = "val"
    background_minutes: float = 30.0
    false_alarms_per_hour: float = 6.0
    seed: int = 0
    num_streams: int = 16

    def __post_init__(self):
        for name in ("background_minutes", "false_alarms_per_hour"):
            if not 0 <= getattr(self, name) < 1e6:
                raise InputError(name, "must be at least 0", getattr(self, name))
        if self.num_streams < 1:
            raise InputError("num_streams", "must be at least 1", self.num_streams)


@dataclasses.dataclass(frozen=True)
class Model:
    """A model as this evaluation needs it.

    Args:
        spec: the model's spec.
        make_step: returns a step from the initial state, for a number of streams side by side.
        side_by_side: the largest number of streams in one step.
        fits_rules: whether to fit the event rules; otherwise the spec's are used.
    """

    spec: ModelSpec
    make_step: Callable[[int], Step]
    side_by_side: int
    fits_rules: bool


def evaluate_streams(
    model: Model,
    data: Listing | str | os.PathLike,
    output: str | os.PathLike,
    subject: dict[str, str],
    settings: Settings = Settings(),
) -> tuple[Figures, EventRules]:
    """Runs a model over streams of a split's videos, and writes the report.

    The videos are split into two halves. On the first, the rules of the event decoder are fitted;
    all figures are those of the second.

    Args:
        model: the model.
        data: the videos, a `Listing` or what it is made of.
        output: a new folder, or one with the results of the same subject, which are replaced.
        subject: names of the model and the data, for `stream.json`.
        settings: how to evaluate.

    Returns:
        The figures, and the rules in use.

    Raises:
        MissingFile: no list file or video.
        InputError: other classes, bad segments, too low a frame rate, or an output folder that
            holds something else.
        BadVideoError: a video cannot be decoded.
    """
    folder, spec = pathlib.Path(output), model.spec
    where = data.data if isinstance(data, Listing) else data
    subject = {**subject, "data": str(pathlib.Path(where)), "split": settings.split}
    output_folder.check_subject(folder, FIGURES_FILE, subject)

    check_one_class(spec.multi_label)
    listing = open_listing(data)
    check_labels(spec, listing)
    source = MemoryCache(listing.source, _CACHE_BYTES)
    videos = timelines(listing.labelled_videos(settings.split))
    fps = spec.fps or DEFAULT_FPS
    check_timelines(videos, source)
    check_rates(videos, fps, source)

    joiner = Joiner(videos, spec, fps, source)
    fitting, reporting = _join(videos, joiner, settings)
    rules = spec.events or EventRules()
    if model.fits_rules:
        print(f"fitting the event rules on {_describe(fitting)}", flush=True)
        rules = fit_rules(
            fitting, _run(joiner, fitting, model), spec, settings.false_alarms_per_hour
        )

    print(f"evaluating {_describe(reporting)}", flush=True)
    logits = _run(joiner, reporting, model)
    events = [
        decode(rows, fps, [rules], spec)[0] for rows, stream in zip(logits, reporting, strict=True)
    ]
    figures = compute_figures(reporting, logits, events)

    folder.mkdir(parents=True, exist_ok=True)
    written = {**subject, "fps": fps, "rules": dataclasses.asdict(rules)}
    write_report(folder, figures, written, reporting, events, spec)
    return figures, rules


def _join(
    videos: tuple[Timeline, ...], joiner: Joiner, settings: Settings
) -> list[list[JoinedStream]]:
    """Returns the streams of both halves."""
    background = joiner.spec.background_classes

    def is_background(video: Timeline) -> bool:
        return all(segment.label in background for segment in video.segments)

    count = sum(not is_background(video) for video in videos)
    if count < 2:
        rule = "must have at least two videos with gestures, one to fit and one to report"
        raise InputError("data", rule, count)
    rng = np.random.default_rng(settings.seed)
    parts = halves(videos, is_background, rng)
    seconds = 60 * settings.background_minutes
    return [joiner.join(part, seconds, settings.num_streams, rng) for part in parts]


def _run(joiner: Joiner, streams: list[JoinedStream], model: Model) -> list[np.ndarray]:
    """Returns the logits of streams; prints progress."""
    began = time.perf_counter()
    total = sum(len(stream.labels) for stream in streams)
    shown = 0.0

    def report(done: int) -> None:
        nonlocal shown
        now = time.perf_counter()
        if done < total and now - shown < 0.5:
            return
        shown = now
        times = done / joiner.fps / (now - began)
        print(f"\r{done:,}/{total:,} frames, {times:.0f} times real time ", end="", flush=True)

    logits = stream_logits(joiner, streams, model.make_step, model.side_by_side, report)
    print()
    return logits


def _describe(streams):
    count = sum(len(stream.gestures) for stream in streams)
    minutes = sum(stream.seconds for stream in streams) / 60
    return f"{count} gestures in {minutes:.1f} minutes, {len(streams)} streams"


def summary(figures: Figures) -> str:
    """Returns the figures as a few lines for people."""

    def percent(name: str) -> str:
        value: Any = figures[name]  # type: ignore[literal-required]
        return "-" if value is None else f"{value:.1%}"

    delay, share = figures["delay_median_s"], figures["delay_median_share"]
    alarms, minutes = figures["false_alarms_per_hour"], figures["background_minutes"]
    lines = [
        f"frames right: {percent('frame_accuracy')}; in the second half of each gesture: "
        f"{percent('late_frame_accuracy')}",
        f"events: F1 {percent('event_f1')} (precision {percent('event_precision')}, recall "
        f"{percent('event_recall')}), Levenshtein accuracy {percent('levenshtein_accuracy')}",
    ]
    if delay is not None and share is not None:
        lines.append(f"median delay: {delay:.2f} s, {share:.0%} of the gesture")
    if alarms is not None and minutes is not None:
        lines.append(f"false alarms: {alarms:.1f} per hour, in {minutes:.1f} minutes of background")
    return "\n".join(lines)
