"""Frames per second of online models per device, beside the paper's (section 5.5.3, Table 8).

    python -m tsm_tf.analysis.devices --results=phone/latency.csv,board/latency.csv --output=devices

The CSV files are from `export.benchmark`, one per device or several. Power is the paper's.
"""

import csv
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.analysis.paper_tables import OURS, PAPER, read_paper
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing, write_csv

COLUMNS = (
    *("source", "device", "processor", "model", "variant", "runtime", "delegate", "threads"),
    *("p50_ms", "fps", "power_watt"),
)
_MARKER = "devices.json"
_COPIED = ("device", "model", "variant", "runtime", "delegate", "threads")

Row = dict[str, Any]


def read_latency(path: pathlib.Path) -> list[Row]:
    """Returns the rows of a CSV file of `export.benchmark`, with frames per second.

    Raises:
        MissingFile: there is no such file.
        InputError: it has no rows, other columns, or a time that is not a positive number.
    """
    if not path.is_file():
        raise MissingFile("results", "must be CSV files of export.benchmark", str(path))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    missing = [name for name in (*_COPIED, "p50_ms") if not rows or name not in rows[0]]
    if missing:
        rule = f"must be CSV files of export.benchmark, with the columns {', '.join(missing)}"
        raise InputError("results", rule, str(path))
    return [
        {"source": OURS, **{name: row[name] for name in _COPIED}, **_speed(row["p50_ms"], path)}
        for row in rows
    ]


def _speed(text, path):
    try:
        milliseconds = float(text)
    except ValueError:
        milliseconds = 0.0
    if not 0 < milliseconds < float("inf"):
        raise InputError("results", "must have positive numbers in p50_ms", f"{text} in {path}")
    return {"p50_ms": milliseconds, "fps": round(1000 / milliseconds, 1)}


def paper_rows() -> list[Row]:
    """Returns Table 8: online TSM with MobileNetV2 at 224 pixels, compiled with TVM."""
    model = {"source": PAPER, "model": "online TSM mobilenet_v2", "runtime": "TVM"}
    return [{**model, **row} for row in read_paper("devices")]


def plot(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws frames per second as bars: ours in blue, the paper's in grey."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(10, 1.2 + 0.45 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colors = ["#3a7ca5" if row["source"] == OURS else "#b8c0c8" for row in rows]
    bars = axes.barh(range(len(rows)), [row["fps"] for row in rows], color=colors)
    axes.bar_label(bars, [f"{row['fps']:,.1f}" for row in rows], padding=4)
    axes.set_yticks(range(len(rows)), [plot_text(_name(row)) for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(
        xscale="log",
        xlabel="frames per second",
        title="blue: ours; grey: the paper's (Table 8)",
    )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _name(row):
    if row["source"] == PAPER:
        return f"{row['device']} {row['processor'] or ''}\n{row['model']}, {row['runtime']}"
    return f"{row['device']}\n{row['model']}, {row['runtime']}, {row['threads']} thread(s)"


def define_flags():
    flags.DEFINE_list("results", None, "CSV files of export.benchmark.", required=True)
    flags.DEFINE_string("output", None, "Folder for the CSV and PNG files.", required=True)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    own = [row for name in values.results for row in read_latency(pathlib.Path(name))]
    if not own:
        raise InputError("results", "must name at least one file", values.results)
    rows = own + paper_rows()

    output_folder.claim(output, _MARKER, {"results": values.results})
    write_csv(output / "devices.csv", rows, COLUMNS)
    plot(rows, output / "devices.png")
    for row in own:
        print(f"{row['fps']:9.1f} frames/s  {row['model']} on {row['device']}")
    print(f"written to {output}: devices.csv, devices.png")
    names = ", ".join(dict.fromkeys(row["device"] for row in own))
    print(f"ours: {names}, from the given files; paper: Table 8, MobileNetV2 compiled with TVM")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
