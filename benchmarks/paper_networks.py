"""The networks of the paper's comparisons, and what the paper says of their cost and speed."""

import dataclasses

from tsm_tf.analysis.cluster import MODELS as TABLE_10
from tsm_tf.analysis.paper_tables import read_paper
from tsm_tf.spec import ModelSpec

Row = tuple[int, str]
"""A table of the paper, and the name of a model in it."""


@dataclasses.dataclass(frozen=True)
class Network:
    """A network to measure.

    Args:
        name: what the results call it.
        spec: the network.
        clips: clips per video, which are measured as one batch.
        multiply_adds: multiply-adds per video in the paper, in units of 1e9.
        row: where the paper has its latency or throughput.
    """

    name: str
    spec: ModelSpec
    clips: int = 1
    multiply_adds: float | None = None
    row: Row | None = None


@dataclasses.dataclass(frozen=True)
class Speed:
    """What a table of the paper says of a model's speed; None is not published.

    Args:
        latency_ms: milliseconds per video in a batch of one.
        videos_per_s: videos per second in batches of 16.
    """

    latency_ms: float | None
    videos_per_s: float | None


BASELINES = {
    5: ("TSM NL R-50", "TSM NL R-50 8f"),
    6: ("TSM 8f", "TSM R-50 8f"),
    10: ("TSM", "TSM R-50 8f"),
}
"""By table, the model that its ratios are relative to, there and here.

Table 5 has no TSM ResNet-50 without non-local blocks.
"""


def paper_speed(row: Row) -> Speed:
    """Returns the speed of a model in Table 5 (RTX 2080 Ti), 6 or 10 (both Tesla P100)."""
    table, name = row
    if table == 10:
        clips_per_second = {model.name: model.clips_per_second for model in TABLE_10}
        return Speed(None, clips_per_second[name])

    models = {(int(row["table"]), row["model"]): row for row in read_paper("latency")}
    found = models[row]
    return Speed(found["latency_ms"], found["videos_per_s"])


def _spec(backbone: str, num_segments: int, non_local: bool = False) -> ModelSpec:
    return ModelSpec(
        backbone=backbone,
        num_classes=400,
        num_segments=num_segments,
        non_local=non_local,
    )


def _tsm(backbone: str, num_segments: int, non_local: bool = False) -> ModelSpec:
    return _spec(backbone, num_segments, non_local).replace(shift_mode="bidirectional")


NETWORKS = (
    Network("TSM R-50 8f", _tsm("resnet50", 8), 1, 33, (6, "TSM 8f")),  # the baseline
    Network("TSM R-50 16f", _tsm("resnet50", 16), 1, 65, (6, "TSM 16f")),
    Network("TSM NL R-50 8f", _tsm("resnet50", 8, True), row=(5, "TSM NL R-50")),
    Network("TSM RX-101 8f", _tsm("resnext101_32x4d", 8), row=(5, "TSM RX-101")),
    Network("I3D 3x3x3 16f", _spec("i3d_r50_3x3x3", 16), 1, 40, (10, "I3D 3x3x3")),
    Network("I3D 3x1x1 32f", _spec("i3d_r50_3x1x1", 32), 1, 33, (6, "I3D (Wang et al.)")),
    Network("I3D_replace 8f", _spec("i3d_r50_replace", 8), 1, 48, (6, "I3D replace")),
    Network("NL I3D 32f", _spec("i3d_r50_3x1x1", 32, True), row=(5, "I3D NL R-50")),
    Network(
        "I3D, stride 16, 2 x 32f",
        _spec("i3d_r50_3x1x1_stride16", 32),
        2,
        306,
        (6, "Non-local I3D (Wang and Gupta)"),
    ),
    Network("NL I3D + GCN 32f", _spec("i3d_r50_gcn", 32, True), 1, 303),
    Network("ECO-Lite 16f", _spec("eco_lite", 16)),
    Network("ECO 16f", _spec("eco", 16), 1, 64, (6, "ECO 16f")),
    Network("SlowFast R-50 4x16 32f", _spec("slowfast_r50_4x16", 32), row=(5, "SlowFast R-50")),
    Network("SlowFast R-50 8x8 32f", _spec("slowfast_r50_8x8", 32)),
    Network("X3D-M 16f", _spec("x3d_m", 16), row=(5, "X3D-M")),
    Network("ir-CSN-152 32f", _spec("ircsn_r152", 32), row=(5, "ir-CSN-152")),
    Network("CorrNet-50 32f", _spec("corrnet_r50", 32), 1, 115),
)
