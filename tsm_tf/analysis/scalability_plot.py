"""The pictures of `tsm_tf.analysis.scalability`."""

import pathlib
from collections.abc import Sequence
from typing import Any

from tsm_tf.files import replacing

Row = dict[str, Any]


def plot(
    speed_rows: Sequence[Row],
    time_rows: Sequence[Row],
    device_clips: int,
    path: pathlib.Path,
) -> None:
    """Draws Figure 12's speeds, Table 12's times and Figure 11's accuracies as a PNG.

    Args:
        speed_rows: rows from `speeds`.
        time_rows: rows from `table_12`.
        device_clips: clips per step and device.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(14, 4), layout="constrained")
    speed, time, top1 = figure.subplots(1, 3)
    _plot_speeds(speed, speed_rows)
    _plot_times(time, time_rows)

    clips = [row["devices"] * device_clips for row in time_rows]
    top1.semilogx(clips, [row["paper_top1"] for row in time_rows], marker=".", label="paper")
    top1.set(title="Fig. 11: top-1 over clips per step", xlabel="clips")

    for axes in (speed, time, top1):
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _plot_speeds(axes, rows):
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        devices = [row["devices"] for row in own]
        values = [row["clips_per_second"] for row in own]
        ideal = [values[0] * row["nodes"] for row in own]

        (line,) = axes.loglog(devices, values, marker=".", label=name)
        axes.loglog(devices, ideal, linestyle=":", color=line.get_color())
    axes.set(title="Fig. 12: clips per second (dotted: ideal)", xlabel="devices")


def _plot_times(axes, rows):
    known = [row for row in rows if row["paper_seconds"]]
    devices = [row["devices"] for row in known]

    for column, label in (("paper_seconds", "paper"), ("seconds", "model")):
        minutes = [row[column] / 60 for row in known]
        axes.loglog(devices, minutes, marker=".", label=label)
    axes.set(title="Table 12: minutes to train TSM on Kinetics", xlabel="devices")
