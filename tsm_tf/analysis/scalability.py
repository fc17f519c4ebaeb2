"""Tables 10 and 12 and Figures 11 and 12 of the paper, from a model of distributed training.

    python -m tsm_tf.analysis.scalability --output=scalability

`cluster` describes the model. The speed of one node is that in Table 12, or your own measurement
(`--clips_per_second`; training prints it). Other models' speeds follow from the throughputs in
Table 10. The network is Summit's as published, or yours. Accuracies are the paper's; the model does
not predict them.
"""

import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_tf import cli
from tsm_tf.analysis.cluster import (
    DEVICE_CLIPS,
    MODELS,
    NODE_DEVICES,
    RING_BANDWIDTH,
    TSM,
    Cluster,
    step_seconds,
    training_seconds,
)
from tsm_tf.files import replacing, write_csv

KINETICS_VIDEOS = 240_000
"""Approximate number of training videos; some are no longer available."""

KINETICS_EPOCHS = 100

ONE_NODE_SECONDS = 179_700
TABLE_12: dict[int, tuple[int | None, float]] = {
    # nodes: (seconds of training, top-1); None where the paper gives no time
    1: (ONE_NODE_SECONDS, 74.12),
    8: (25_620, 74.12),
    16: (13_080, 74.18),
    32: (6_600, 74.14),
    64: (3_356, 74.10),
    128: (1_694, 73.99),
    256: (853, 73.99),
    384: (609, 72.52),
    512: (None, 69.80),
    1024: (None, 62.22),
}
SPEED_NODES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

Row = dict[str, Any]


def table_10() -> list[Row]:
    """Returns the derived columns of Table 10."""
    return [
        {
            "model": model.name,
            "multiply_adds_G": model.multiply_adds / 1e9,
            "parameters_M": model.parameters / 1e6,
            "input_values": model.values_per_clip,
            "clips_per_second": model.clips_per_second,
            "compute_per_io_k": round(model.compute_per_io / 1e3, 2),
            "gradient_MB": round(model.gradient_bytes / 1e6, 1),
        }
        for model in MODELS
    ]


def table_12(
    cluster: Cluster,
    videos: int = KINETICS_VIDEOS,
    epochs: int = KINETICS_EPOCHS,
) -> list[Row]:
    """Returns Table 12 with the model's times beside the paper's."""
    rows = []
    for nodes, (paper_seconds, top1) in TABLE_12.items():
        seconds = training_seconds(TSM, nodes, cluster, videos, epochs)
        rows.append(
            {
                "nodes": nodes,
                "devices": nodes * NODE_DEVICES,
                "seconds": round(seconds),
                "paper_seconds": paper_seconds,
                "ratio": round(seconds / paper_seconds, 3) if paper_seconds else None,
                "paper_top1": top1,
            }
        )
    return rows


def speeds(cluster: Cluster) -> list[Row]:
    """Returns Figure 12: each model's clips per second and efficiency, up to 256 nodes."""
    rows = []
    for model in MODELS:
        for nodes in SPEED_NODES:
            seconds = step_seconds(model, nodes, cluster)
            rows.append(
                {
                    "model": model.name,
                    "nodes": nodes,
                    "devices": nodes * NODE_DEVICES,
                    "clips_per_second": round(nodes * cluster.clips / seconds, 1),
                    "efficiency": round(step_seconds(model, 1, cluster) / seconds, 4),
                }
            )
    return rows


def plot(speed_rows: Sequence[Row], time_rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws Figure 12's speeds, Table 12's times and Figure 11's accuracies as a PNG."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(14, 4), layout="constrained")
    speed, time, top1 = figure.subplots(1, 3)
    _plot_speeds(speed, speed_rows)
    _plot_times(time, time_rows)

    clips = [row["devices"] * DEVICE_CLIPS for row in time_rows]
    top1.semilogx(clips, [row["paper_top1"] for row in time_rows], marker=".", label="paper")
    top1.set(title="Fig. 11: top-1 over clips per step", xlabel="clips")

    for axes in (speed, time, top1):
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _plot_speeds(axes, rows):
    for model in MODELS:
        own = [row for row in rows if row["model"] == model.name]
        devices = [row["devices"] for row in own]
        values = [row["clips_per_second"] for row in own]
        ideal = [values[0] * row["nodes"] for row in own]

        (line,) = axes.loglog(devices, values, marker=".", label=model.name)
        axes.loglog(devices, ideal, linestyle=":", color=line.get_color())
    axes.set(title="Fig. 12: clips per second (dotted: ideal)", xlabel="devices")


def _plot_times(axes, rows):
    known = [row for row in rows if row["paper_seconds"]]
    devices = [row["devices"] for row in known]

    for column, label in (("paper_seconds", "paper"), ("seconds", "model")):
        minutes = [row[column] / 60 for row in known]
        axes.loglog(devices, minutes, marker=".", label=label)
    axes.set(title="Table 12: minutes to train TSM on Kinetics", xlabel="devices")


def define_flags():
    flags.DEFINE_float(
        "clips_per_second",
        None,
        "TSM's training speed on one device. Default: from one node's time in Table 12.",
        lower_bound=1e-9,
    )
    flags.DEFINE_float(
        "bandwidth",
        RING_BANDWIDTH,
        "Bytes per second that a node sends in the ring.",
        lower_bound=1.0,
    )
    flags.DEFINE_float("latency", 0.0, "Seconds per message.", lower_bound=0)
    flags.DEFINE_float(
        "input_bandwidth",
        None,
        "Bytes per second at which a node loads frames. Default: no limit.",
        lower_bound=1.0,
    )
    flags.DEFINE_string("output", "scalability", "Folder for CSV and PNG files.")


def main():
    values = flags.FLAGS
    clips_per_second = KINETICS_VIDEOS * KINETICS_EPOCHS / ONE_NODE_SECONDS
    if values.clips_per_second:
        clips_per_second = values.clips_per_second * NODE_DEVICES
    cluster = Cluster(
        clips_per_second,
        bandwidth=values.bandwidth,
        latency=values.latency,
        input_bandwidth=values.input_bandwidth,
    )

    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    tables = {"table_10": table_10(), "table_12": table_12(cluster), "speeds": speeds(cluster)}

    for name, rows in tables.items():
        print(name)
        for row in rows:
            print("  " + "  ".join(f"{key}={value}" for key, value in row.items()))
        write_csv(output / f"{name}.csv", rows)

    plot(tables["speeds"], tables["table_12"], output / "scalability.png")
    print(f"written to {output}: {', '.join(f'{name}.csv' for name in tables)}, scalability.png")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
