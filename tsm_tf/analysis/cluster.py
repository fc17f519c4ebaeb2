"""A model of distributed training on a cluster (paper, section 7).

Clips are loaded while earlier ones are computed, so a step takes the longer of compute and input.
A ring all-reduce of the gradients follows (7.2.3, as in Horovod): over n nodes, each node sends
`2 (n - 1) / n` of their bytes in `2 (n - 1)` messages. The model assumes that the all-reduce does
not overlap with the backward pass, and that no node waits for another.
"""

import dataclasses

FLOAT_BYTES = 4
FRAME_VALUES = 3 * 224**2

RING_BANDWIDTH = 23e9 / 2
"""Bytes per second. A Summit node has 23 GB/s over two InfiniBand rails (OLCF); a ring uses one."""

NODE_DEVICES = 6
DEVICE_CLIPS = 8
"""Clips per step and device, as in Table 12 from 8 nodes on."""


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
