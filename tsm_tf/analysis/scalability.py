"""Distributed training as a model of compute, input and network (section 7): Tables 10 and 12, Fig. 11 and 12.

    python -m tsm_tf.analysis.scalability --output=scalability

A step takes the longer of compute and input, since clips are loaded while others are computed, and then the ring
all-reduce of the gradients (7.2.3; Horovod's): over n nodes each sends `2 (n - 1) / n` of their bytes, in `2 (n - 1)`
messages. Nothing hides behind the backward pass, and no node waits for another. Compute is what one node took in
Table 12, or what you measured (`--clips_per_second`, which a training prints); the other models' follow from Table 10's
throughputs. The network is Summit's published one, or yours. Accuracies are the paper's: no model here knows them.
"""

import dataclasses
import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.files import write_csv

FLOAT_BYTES = 4
FRAME_VALUES = 3 * 224**2

RING_BANDWIDTH = 23e9 / 2
"""Bytes a second: a Summit node has 23 GB/s over two EDR InfiniBand rails (OLCF's user guide), a ring passes one."""

NODE_DEVICES = 6
DEVICE_CLIPS = 8  # a step, as in Table 12 from 8 nodes on
KINETICS_VIDEOS = 240_000  # to train on, roughly: some are gone
KINETICS_EPOCHS = 100


@dataclasses.dataclass(frozen=True)
class VideoModel:
    """A row of Table 10: what a clip costs to compute, to load, and its gradients to send.

    Args:
        frames: of a clip.
        multiply_adds: of a clip.
        parameters: each one float32 of gradient.
        clips_per_second: that one device runs, the paper's P100 at inference.
    """

    name: str
    frames: int
    multiply_adds: float
    parameters: float
    clips_per_second: float

    @property
    def values_per_clip(self) -> int:
        """Numbers that are loaded for a clip: the input's size in Table 10."""
        return self.frames * FRAME_VALUES

    @property
    def compute_per_io(self) -> float:
        """Multiply-adds for each loaded number; 7.2.2 wants it large."""
        return self.multiply_adds / self.values_per_clip

    @property
    def gradient_bytes(self) -> float:
        """What each device contributes to the all-reduce."""
        return self.parameters * FLOAT_BYTES


MODELS = (
    VideoModel("I3D 3x3x3", 16, 40e9, 47.0e6, 63.1),
    VideoModel("I3D 3x1x1", 32, 33e9, 29.3e6, 41.9),
    VideoModel("TSM", 8, 33e9, 24.3e6, 84.8),
)
TSM = MODELS[-1]
TABLE_12 = {
    # nodes: (seconds of the training, top-1); None where the paper did not run as many nodes
    1: (179_700, 74.12),
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


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Equal nodes and what joins them.

    Args:
        clips_per_second: that one node trains TSM with, on all its devices.
        clips: of a node's step.
        bandwidth: bytes a second that the ring passes a node with.
        latency: seconds a message.
        input_bandwidth: bytes a second that a node's clips are loaded with, as uint8 frames; None does not limit them.
    """

    clips_per_second: float
    clips: int = NODE_DEVICES * DEVICE_CLIPS
    bandwidth: float = RING_BANDWIDTH
    latency: float = 0.0
    input_bandwidth: float | None = None


def all_reduce_seconds(
    gradient_bytes: float, nodes: int, bandwidth: float, latency: float = 0.0
) -> float:
    """Returns what a ring all-reduce takes (7.2.3, equation 3, for a ring)."""
    return 2 * (nodes - 1) * (gradient_bytes / nodes / bandwidth + latency)


def step_seconds(model: VideoModel, nodes: int, cluster: Cluster) -> float:
    """Returns the duration of a step of `nodes * cluster.clips` clips."""
    speed = cluster.clips_per_second * model.clips_per_second / TSM.clips_per_second
    loading = model.values_per_clip / cluster.input_bandwidth if cluster.input_bandwidth else 0.0
    exchange = all_reduce_seconds(model.gradient_bytes, nodes, cluster.bandwidth, cluster.latency)
    return cluster.clips * max(1 / speed, loading) + exchange


def training_seconds(
    model: VideoModel, nodes: int, cluster: Cluster, videos: int, epochs: int
) -> float:
    """Returns the duration of a training, without validation."""
    return videos * epochs / (nodes * cluster.clips) * step_seconds(model, nodes, cluster)


def table_10() -> list[dict]:
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
    cluster: Cluster, videos: int = KINETICS_VIDEOS, epochs: int = KINETICS_EPOCHS
) -> list[dict]:
    """Returns Table 12 with the model's times beside the paper's."""
    rows = []
    for nodes, (seconds, top1) in TABLE_12.items():
        ours = training_seconds(TSM, nodes, cluster, videos, epochs)
        rows.append(
            {
                "nodes": nodes,
                "devices": nodes * NODE_DEVICES,
                "seconds": round(ours),
                "paper_seconds": seconds,
                "ratio": round(ours / seconds, 3) if seconds else None,
                "paper_top1": top1,
            }
        )
    return rows


def speeds(cluster: Cluster) -> list[dict]:
    """Returns Fig. 12: clips a second of each model and their share of the ideal, up to 256 nodes."""
    rows = []
    for model in MODELS:
        for nodes in (1, 2, 4, 8, 16, 32, 64, 128, 256):
            seconds = step_seconds(model, nodes, cluster)
            efficiency = step_seconds(model, 1, cluster) / seconds
            speed = round(nodes * cluster.clips / seconds, 1)
            row = {
                "model": model.name,
                "nodes": nodes,
                "devices": nodes * NODE_DEVICES,
                "clips_per_second": speed,
            }
            rows.append({**row, "efficiency": round(efficiency, 4)})
    return rows


def plot(speed_rows: list[dict], times: list[dict], path: pathlib.Path) -> None:
    """Draws Fig. 12's speeds, Table 12's times and Fig. 11's accuracies, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4), layout="constrained")
    speed, time, top1 = figure.subplots(1, 3)
    for model in MODELS:
        rows = [row for row in speed_rows if row["model"] == model.name]
        devices = [row["devices"] for row in rows]
        (line,) = speed.loglog(
            devices, [row["clips_per_second"] for row in rows], marker=".", label=model.name
        )
        ideal = [rows[0]["clips_per_second"] * row["nodes"] for row in rows]
        speed.loglog(devices, ideal, linestyle=":", color=line.get_color())
    speed.set(title="Fig. 12: clips a second (dotted: ideal)", xlabel="devices")
    for name, label in (("paper_seconds", "paper"), ("seconds", "model")):
        rows = [row for row in times if row[name] and row["paper_seconds"]]
        time.loglog(
            [r["devices"] for r in rows], [r[name] / 60 for r in rows], marker=".", label=label
        )
    time.set(title="Table 12: minutes to train TSM on Kinetics", xlabel="devices")
    clips = [row["devices"] * DEVICE_CLIPS for row in times]
    top1.semilogx(clips, [row["paper_top1"] for row in times], marker=".", label="paper")
    top1.set(title="Fig. 11: top-1 over clips a step", xlabel="clips")
    for axes in (speed, time, top1):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)


def define_flags():
    """Defines the command's flags."""
    measured = (
        "Clips a second that one device trains TSM with. Default: from one node's time in Table 12."
    )
    flags.DEFINE_float("clips_per_second", None, measured, lower_bound=1e-9)
    flags.DEFINE_float(
        "bandwidth", RING_BANDWIDTH, "Bytes a second that the ring passes a node with.", 1.0
    )
    flags.DEFINE_float("latency", 0.0, "Seconds a message.", lower_bound=0)
    flags.DEFINE_float(
        "input_bandwidth",
        None,
        "Bytes a second that a node loads frames with. Default: no limit.",
        1.0,
    )
    flags.DEFINE_string("output", "scalability", "Folder for CSV and PNG files.")


def main():
    """Prints the tables, writes them and the picture."""
    values = flags.FLAGS
    clips_per_second = KINETICS_VIDEOS * KINETICS_EPOCHS / TABLE_12[1][0]
    if values.clips_per_second:
        clips_per_second = values.clips_per_second * NODE_DEVICES
    limits = {
        "bandwidth": values.bandwidth,
        "latency": values.latency,
        "input_bandwidth": values.input_bandwidth,
    }
    cluster = Cluster(clips_per_second, **limits)
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
