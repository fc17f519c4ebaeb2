"""Non-local I3D with region graphs (Wang and Gupta 2018; Table 2). There is no official code.

`tests/golden/NETWORKS.md` says what of this network is the paper's and what was chosen.
"""

from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.layers.region_graph import RegionGraph
from tsm_tf.layers.regions import RegionFeatures
from tsm_tf.networks3d import i3d
from tsm_tf.networks3d.blocks import conv3d
from tsm_tf.spec import ModelSpec

BACKBONE = "i3d_r50_gcn"
_BASE = "i3d_r50_3x1x1_stride16"
_CHANNELS = 512
_SCALE = 1 / 16


def region_graph(inputs: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Args:
        inputs: normalised clips, and boxes `[B, T/2, R, 4]`: x1, y1, x2, y2 in pixels of the input.
            Entry k belongs to input frame 2k.
        spec: what to build.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, vectors `[B, 1024]`: the mean over the clip,
        and the mean over the regions.
    """
    clips, boxes = inputs
    outputs = i3d.build_variant(clips, i3d.VARIANTS[_BASE], spec.width, spec.non_local)
    channels = round_channels(_CHANNELS * spec.width)
    reduced = conv3d("reduce", outputs["features"], channels, (1, 1, 1), use_bias=True)

    regions = RegionFeatures(_SCALE, name="regions")([reduced, boxes])
    vectors = [
        keras.layers.GlobalAveragePooling3D(name="avgpool")(reduced),
        RegionGraph(name="graph")([regions, boxes]),
    ]
    return {**outputs, "features": keras.layers.Concatenate(name="features")(vectors)}


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        As `i3d.infer_backbone`; None if it is another network.
    """
    if "graph.phi_prime.weight" not in shapes or "reduce.weight" not in shapes:
        return None
    own = ("graph.", "reduce.")
    found = i3d.infer_backbone({k: v for k, v in shapes.items() if not k.startswith(own)})
    return found and {**found, "backbone": BACKBONE}
