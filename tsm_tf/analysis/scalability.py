"""A model of distributed training (paper, section 7): Tables 10 and 12, Figures 11 and 12.

    python -m tsm_tf.analysis.scalability --output=scalability

Clips are loaded while earlier ones are computed, so a step takes the longer of compute and input.
A ring all-reduce of the gradients follows (7.2.3, as in Horovod): over n nodes, each node sends
`2 (n - 1) / n` of their bytes in `2 (n - 1)` messages. The model assumes that the all-reduce does
not overlap with the backward pass, and that no node waits for another.

The speed of one node is that in Table 12, or your own measurement (`--clips_per_second`; training
prints it). Other models' speeds follow from the throughputs in Table 10. The network is Summit's as
published, or yours. Accuracies are the paper's; the model does not predict them.
"""

import dataclasses
import pathlib
from typing import Any

from absl import flags

from tsm_tf import cli
from tsm_tf.analysis.scalability_plot import plot
from tsm_tf.files import write_csv

FLOAT_BYTES = 4
FRAME_VALUES = 3 * 224**2

RING_BANDWIDTH = 23e9 / 2
"""Bytes per second. A Summit node has 23 GB/s over two InfiniBand rails (OLCF); a ring uses one."""

NODE_DEVICES = 6
DEVICE_CLIPS = 8
"""Clips per step and device, as in Table 12 from 8 nodes on."""

KINETICS_VIDEOS = 240_000
"""Approximate number of training videos; some are no longer available."""

KINETICS_EPOCHS = 100

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class VideoModel:
    """A row of Table 10: the cost of computing and loading a clip and of sending the gradients.

    Args:
        name: as printed in the table.
        frames: frames per clip.
        multiply_adds: multiply-adds per clip.
        parameters: number of parameters; each has one float32 gradient.
        clips_per_second: throughput of one device (the paper's P100, at inference).
    """

    name: str
    frames: int
    multiply_adds: float
    parameters: float
    clips_per_second: float

    @property
    def values_per_clip(self) -> int:
        """Numbers that are loaded per clip (the input size in Table 10)."""
        return self.frames * FRAME_VALUES

    @property
    def compute_per_io(self) -> float:
        """Multiply-adds per loaded number; larger scales better (7.2.2)."""
        return self.multiply_adds / self.values_per_clip

    @property
    def gradient_bytes(self) -> float:
        """Bytes that each device contributes to the all-reduce."""
        return self.parameters * FLOAT_BYTES


TSM = VideoModel("TSM", 8, 33e9, 24.3e6, 84.8)
MODELS = (
    VideoModel("I3D 3x3x3", 16, 40e9, 47.0e6, 63.1),
    VideoModel("I3D 3x1x1", 32, 33e9, 29.3e6, 41.9),
    TSM,
)

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


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Equal nodes and the network between them.

    Args:
        clips_per_second: TSM's training speed on one node, with all its devices.
        clips: clips per step and node.
        bandwidth: bytes per second that a node sends in the ring.
        latency: seconds per message.
        input_bandwidth: bytes per second at which a node loads clips, as uint8 frames; None means
            no limit.
    """

    clips_per_second: float
    clips: int = NODE_DEVICES * DEVICE_CLIPS
    bandwidth: float = RING_BANDWIDTH
    latency: float = 0.0
    input_bandwidth: float | None = None


def all_reduce_seconds(
    gradient_bytes: float,
    nodes: int,
    bandwidth: float,
    latency: float = 0.0,
) -> float:
    """Returns the duration of a ring all-reduce (7.2.3, equation 3, for a ring)."""
    return 2 * (nodes - 1) * (gradient_bytes / nodes / bandwidth + latency)


def step_seconds(model: VideoModel, nodes: int, cluster: Cluster) -> float:
    """Returns the duration of a step of `nodes * cluster.clips` clips."""
    speed = cluster.clips_per_second * model.clips_per_second / TSM.clips_per_second
    loading = model.values_per_clip / cluster.input_bandwidth if cluster.input_bandwidth else 0.0
    exchange = all_reduce_seconds(model.gradient_bytes, nodes, cluster.bandwidth, cluster.latency)
    return cluster.clips * max(1 / speed, loading) + exchange


def training_seconds(
    model: VideoModel,
    nodes: int,
    cluster: Cluster,
    videos: int,
    epochs: int,
) -> float:
    """Returns the duration of a training without validation."""
    steps = videos * epochs / (nodes * cluster.clips)
    return steps * step_seconds(model, nodes, cluster)


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

    picture = output / "scalability.png"
    plot(tables["speeds"], tables["table_12"], DEVICE_CLIPS, picture)
    print(f"written to {output}: {', '.join(f'{name}.csv' for name in tables)}, scalability.png")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
