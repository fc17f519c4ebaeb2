"""The proportion of shifted channels against latency and accuracy (section 3.3, Fig. 2).

    python -m tsm_tf.analysis.shift_proportion --output=proportion
    python -m tsm_tf.analysis.shift_proportion --runs=runs/quarter,runs/half --output=proportion

None, 1/16, 1/8, 1/4, 1/2 and all of the channels are shifted, in the residual branch and in place
(Fig. 3). The overhead is the time of a clip relative to the same network without a shift. The
models take turns, so it holds while the machine's speed drifts. By default the network is the
paper's, ResNet-50 with 8 frames. Accuracies are those of the given runs.
"""

import fractions
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_tf import cli, output_folder, spec_flags
from tsm_tf.analysis.paper_tables import OURS, PAPER, read_paper
from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError
from tsm_tf.files import replacing, write_csv
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import interleaved, paired_ratio

PROPORTIONS = tuple(map(fractions.Fraction, ("1/16", "1/8", "1/4", "1/2", "1")))
"""Shifted channels, in all directions together."""

PLACES = {"blockres": "residual", "block": "in-place"}
COLUMNS = ("source", "place", "proportion", "device", "median_ms", "overhead_percent", "top1", "of")

_MARKER = "shift_proportion.json"
_FIELDS = tuple(name for name in spec_flags.FIELDS if name not in ("shift_div", "shift_place"))
_DIRECTIONS = {"none": 0, "unidirectional": 1, "bidirectional": 2}
_SPEC = ModelSpec(backbone="resnet50", num_classes=400, shift_mode="bidirectional")

Row = dict[str, Any]


def proportion_of(spec: ModelSpec) -> fractions.Fraction:
    """Returns the share of the channels that a model shifts at each site, before rounding."""
    return fractions.Fraction(_DIRECTIONS[spec.shift_mode], spec.shift_div)


def variants(spec: ModelSpec) -> list[ModelSpec]:
    """Returns a spec with every proportion and place; the first is without a shift."""
    places = PLACES if "shift_place" in find_architecture(spec.backbone).options else ["blockres"]
    directions = _DIRECTIONS[spec.shift_mode]
    return [
        spec.replace(shift_mode="none"),
        *(
            spec.replace(shift_div=int(directions / proportion), shift_place=place)
            for place in places
            for proportion in PROPORTIONS
        ),
    ]


def measure(spec: ModelSpec, rounds: int, warm_up: int) -> list[Row]:
    """Measures the overhead of the shift for one clip.

    Args:
        spec: the network and the direction of the shift.
        rounds: timed runs per variant.
        warm_up: runs per variant before those.

    Returns:
        One row per variant. Those whose layers have too few channels are reported and left out.
    """
    from tsm_tf.analysis.clip_timing import clip_calls, timed_device
    from tsm_tf.models.clip import build_model

    models = {}
    for variant in variants(spec):
        try:
            models[variant] = build_model(variant)
        except InputError as error:
            print(f"{proportion_of(variant)} of the channels: left out, {error}")
    seconds = interleaved(clip_calls(models), rounds, lambda line: print(line, flush=True), warm_up)

    baseline, *_ = seconds.values()
    return [
        {
            "source": OURS,
            "place": PLACES[variant.shift_place],
            "proportion": float(proportion_of(variant)),
            "device": timed_device(),
            "median_ms": round(1000 * statistics.median(times), 2),
            "overhead_percent": round(100 * (paired_ratio(times, baseline) - 1), 2),
        }
        for variant, times in seconds.items()
    ]


def paper_rows() -> list[Row]:
    """Returns what the paper says about Fig. 2 in numbers."""
    return [
        {
            "source": PAPER,
            "place": row["place"],
            "proportion": row["proportion"],
            "device": row["device"],
            "overhead_percent": row["overhead_percent"],
            "top1": row["kinetics_top1"],
            "of": f"Kinetics; {row['source']}",
        }
        for row in read_paper("shift_proportion")
    ]


def plot(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws overhead and accuracy over the proportion as a PNG."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column, title in zip(
        panels,
        ("overhead_percent", "top1"),
        ("Fig. 2a: latency overhead (%)", "Fig. 2b: top-1 (%)"),
        strict=True,
    ):
        for source, style in ((OURS, "o-"), (PAPER, "x")):
            for place, color in (("residual", "#3a7ca5"), ("in-place", "#c4622d")):
                points = [
                    (row["proportion"], row[column])
                    for row in rows
                    if row["source"] == source
                    and (
                        row["place"] == place or not row["proportion"]
                    )  # one model without a shift
                    and row.get(column) is not None
                ]
                if points:
                    x, y = zip(*sorted(points), strict=True)
                    axes.plot(x, y, style, color=color, label=f"{place}, {source}")
        ticks = [fractions.Fraction(0), *PROPORTIONS]
        axes.set_xscale("symlog", base=2, linthresh=float(min(PROPORTIONS)), linscale=0.5)
        axes.set_xticks([float(tick) for tick in ticks], [str(tick) for tick in ticks])
        axes.set(title=title, xlabel="proportion of shifted channels")
        axes.grid(alpha=0.3)
        axes.legend()

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def define_flags():
    spec_flags.define(_FIELDS, "Default: the paper's, resnet50 and bidirectional.")
    flags.DEFINE_list("runs", [], "Evaluated runs, for the accuracy.")
    flags.DEFINE_list("results", [], "More folders to search for the evaluations of the runs.")
    flags.DEFINE_integer("rounds", 30, "Timed clips per variant; the paper has 1000.", 1)
    flags.DEFINE_integer("warm_up", 5, "Clips per variant before those; the paper has 200.", 0)
    flags.DEFINE_string("output", None, "Folder for the CSV and PNG files.", required=True)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    fields = spec_flags.read(_FIELDS)
    spec = _SPEC.replace(**fields)
    if spec.shift_mode == "none":
        raise InputError("shift_mode", "must be a direction of the shift", spec.shift_mode)
    subject = {"spec": fields, "runs": values.runs}
    output_folder.check_subject(output, _MARKER, subject)

    from tsm_tf.analysis.clip_timing import describe, software
    from tsm_tf.analysis.runs import read_runs

    runs = read_runs(values.runs, values.results, need_top1=True) if values.runs else []
    measured = measure(spec, values.rounds, values.warm_up)
    rows = [*measured, *_accuracy_rows(runs), *paper_rows()]

    output_folder.claim(output, _MARKER, subject)
    write_csv(output / "shift_proportion.csv", rows, COLUMNS)
    plot(rows, output / "shift_proportion.png")
    for row in measured:
        share = fractions.Fraction(row["proportion"])
        print(f"{row['overhead_percent']:6.1f}%  {share} of the channels, {row['place']}")
    print(f"written to {output}: shift_proportion.csv, shift_proportion.png")
    print(
        f"ours: {describe(spec)} on {measured[0]['device']}, {software()}, and the accuracies of "
        f"{len(runs)} run(s); paper: the figures in its text and in Table 1 (Fig. 2 is a picture)"
    )


def _accuracy_rows(runs):
    return [
        {
            "source": OURS,
            "place": PLACES[run.spec.shift_place],
            "proportion": float(proportion_of(run.spec)),
            "top1": round(100 * evaluation["top1"], 2),
            "of": f"{run.name}, {evaluation['data']} ({evaluation['protocol']})",
        }
        for run in runs
        for evaluation in run.with_top1
    ]


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
