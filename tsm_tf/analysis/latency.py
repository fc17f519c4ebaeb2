"""Latency and throughput of clip models in Keras, beside the paper's (Tables 5 and 6).

    python -m tsm_tf.analysis.latency --output=latency
    python -m tsm_tf.analysis.latency --backbone=mobilenet_v2 --input_size=160 --output=latency

Latency is the mean of 200 runs of one clip after 100 warm-up runs, as in the paper. Throughput is
measured with 16 clips per batch. The models take turns. Without flags that describe a model, they
are those of the paper that exist here. On a processor, `--warm_up=5 --rounds=20` gives a first
impression in a few minutes.
"""

import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from tsm_tf import cli, output_folder, spec_flags
from tsm_tf.analysis.paper_tables import OURS, PAPER, read_paper
from tsm_tf.errors import InputError
from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing, write_csv
from tsm_tf.spec import ModelSpec
from tsm_tf.timing import interleaved

BATCH_SIZE = 16
"""Clips per batch for the throughput (section 5.4)."""

_MARKER = "latency.json"
_KINETICS_CLASSES = 400
_SPEC = ModelSpec(
    backbone="resnet50",
    num_classes=_KINETICS_CLASSES,
    shift_mode="bidirectional",
)
PAPER_MODELS = {
    # name in the paper's tables: spec
    "TSN 8f": _SPEC.replace(shift_mode="none"),
    "TSM 8f": _SPEC,
    "TSM 16f": _SPEC.replace(num_segments=16),
    "TSM NL R-50": _SPEC.replace(non_local=True),
}

COLUMNS = (
    *("source", "table", "model", "device", "multiply_adds_G", "parameters_M"),
    *("latency_ms", "videos_per_s", "kinetics_top1", "something_top1"),
)

Row = dict[str, Any]


def measure(
    specs: Mapping[str, ModelSpec],
    rounds: int,
    warm_up: int,
    batch_rounds: int,
) -> list[Row]:
    """Measures latency and throughput of clip models with fresh weights.

    Args:
        specs: what to measure, by name.
        rounds: timed runs of one clip per model.
        warm_up: runs of one clip per model before that.
        batch_rounds: timed runs of a batch per model.

    Returns:
        One row per model.
    """
    from tsm_tf.analysis.clip_timing import clip_calls, timed_device
    from tsm_tf.analysis.cost import model_cost
    from tsm_tf.models.clip import build_model

    models = {name: build_model(spec) for name, spec in specs.items()}
    print(f"latency: {warm_up} warm-up runs and {rounds} timed runs per model", flush=True)
    singles = interleaved(clip_calls(models), rounds, _print, warm_up)
    print(f"throughput: {batch_rounds} batches of {BATCH_SIZE} clips per model", flush=True)
    batches = interleaved(clip_calls(models, BATCH_SIZE), batch_rounds, _print)

    rows = []
    for name, model in models.items():
        cost = model_cost(model)
        rows.append(
            {
                "source": OURS,
                "table": "",
                "model": name,
                "device": timed_device(),
                "multiply_adds_G": round(cost.total("multiply_adds") / 1e9, 3),
                "parameters_M": round(cost.total("parameters") / 1e6, 3),
                "latency_ms": round(1000 * statistics.mean(singles[name]), 3),
                "videos_per_s": round(BATCH_SIZE / statistics.mean(batches[name]), 3),
            }
        )
    return rows


def _print(line):
    print(line, flush=True)


def paper_rows() -> list[Row]:
    """Returns the rows of Tables 5 and 6, with the columns of `measure`."""
    return [{"source": PAPER, **row, "table": int(row["table"])} for row in read_paper("latency")]


def plot(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws latencies and throughputs as bars: ours in blue, the paper's in grey."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(13, 1.5 + 0.35 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, column, label in zip(
        panels,
        ("latency_ms", "videos_per_s"),
        ("ms per clip, batch 1 (lower is better)", "videos per second, batch 16"),
        strict=True,
    ):
        shown = [row for row in rows if row[column]]
        names = [plot_text(f"{row['model']}\n{_origin(row)}") for row in shown]
        colors = ["#3a7ca5" if row["source"] == OURS else "#b8c0c8" for row in shown]
        bars = axes.barh(range(len(shown)), [row[column] for row in shown], color=colors)
        axes.bar_label(bars, fmt="%.4g", padding=4)
        axes.set_yticks(range(len(shown)), names, fontsize=7)
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.set_xlabel(label)

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _origin(row):
    table = f"paper, Table {row['table']}" if row["source"] == PAPER else OURS
    return f"{table}: {row['device']}"


def define_flags():
    spec_flags.define(spec_flags.FIELDS, "Not allowed with --checkpoints.")
    flags.DEFINE_list("checkpoints", [], "Checkpoint folders or preset:NAME, with commas.")
    flags.DEFINE_integer("rounds", 200, "Timed runs per model.", lower_bound=1)
    flags.DEFINE_integer("warm_up", 100, "Runs per model before those.", lower_bound=0)
    flags.DEFINE_integer("batch_rounds", 20, "Timed batches per model.", lower_bound=1)
    flags.DEFINE_string(
        "output", None, "Folder for latency_table.csv and latency_table.png.", required=True
    )


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    fields = spec_flags.read(spec_flags.FIELDS)
    if values.checkpoints and fields:
        rule = f"determine --{', --'.join(fields)}; omit these flags"
        raise InputError("checkpoints", rule, values.checkpoints)
    custom = _SPEC.replace(**fields)  # reports a bad field before Keras is loaded
    subject = {"checkpoints": values.checkpoints, "spec": fields}
    output_folder.check_subject(output, _MARKER, subject)

    from tsm_tf.analysis.clip_timing import describe, software
    from tsm_tf.weights.checkpoint import load_spec
    from tsm_tf.weights.presets.load import resolve_checkpoint

    specs = PAPER_MODELS
    if values.checkpoints:
        specs = {name: load_spec(resolve_checkpoint(name)) for name in values.checkpoints}
    elif fields:
        specs = {describe(custom): custom}
    measured = measure(specs, values.rounds, values.warm_up, values.batch_rounds)

    output_folder.claim(output, _MARKER, subject)
    rows = measured + paper_rows()
    write_csv(output / "latency_table.csv", rows, COLUMNS)
    plot(rows, output / "latency_table.png")
    for row in measured:
        print(f"{row['latency_ms']:9.2f} ms  {row['videos_per_s']:8.2f} videos/s  {row['model']}")
    print(f"written to {output}: latency_table.csv, latency_table.png")
    print(
        f"ours: {measured[0]['device']}, {software()}, float32, mean of {values.rounds} runs after "
        f"{values.warm_up}; paper: Table 5 (NVIDIA RTX 2080 Ti) and Table 6 (NVIDIA Tesla P100)"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
