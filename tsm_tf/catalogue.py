"""The catalogue of networks: everything that depends on the name of a backbone is in its row.

To add a backbone, write its builder and add one row. Nothing else in the code asks for names.
"""

import dataclasses
import importlib
from collections.abc import Callable

from tsm_tf.errors import InputError

KERAS = "keras"
"""`keras:NAME` is a network of `keras.applications`; `keras` alone is supplied by the user."""

RGB_CHANNELS = 3

PREPROCESSING = {
    # mode, as in keras.applications: (mean, std, channel order), for RGB scaled to 0..1
    "none": ((0.0,) * 3, (1 / 255,) * 3, "rgb"),  # the network takes 0..255
    "tf": ((0.5,) * 3, (0.5,) * 3, "rgb"),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "rgb"),
    "bn_inception": ((128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3, "bgr"),
    "resnet_v1": ((123.15 / 255, 115.9 / 255, 103.06 / 255), (1 / 255,) * 3, "rgb"),  # as in FGFA
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, "bgr"),
}

SMALLEST, LARGEST = 32, 4096  # height and width of frames

OPTIONS = {
    # field of `ModelSpec` that only some architectures have: its value for all others
    "width": 1.0,
    "shift_place": "blockres",
    "non_local": False,
    "temporal_pool": False,
    "shift_layers": None,
    "keras_json": None,
}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One row of the catalogue.

    Args:
        name: the backbone's name in `ModelSpec`; the beginning of it for a family.
        builder: `"module:function"`, imported on first use. `function(frames, spec)` maps
            normalised frames `[B, H, W, C]`, or clips `[B, T, H, W, C]`, to a dict: `"features"`,
            the last feature maps (or vectors, which are not pooled), and the outputs of the
            stages. A 2D network marks where shifts may go with `tsm_tf.layers.site.Site`. A
            network with a classifier of its own also returns `"logits"`.
        takes: `"frames"` for a 2D network, which can be shifted and streamed; `"clips"` for a
            network with convolutions over time, which cannot.
        takes_boxes: its builder takes `[clips, boxes]`, with boxes `[B, T/2, R, 4]` as a second
            input of the model.
        options: fields in `OPTIONS` that it supports.
        preprocessing: how RGB frames are normalised, a key of `PREPROCESSING`.
        flow_preprocessing: mean and standard deviation of optical flow, scaled to 0..1.
        is_family: the row is for every name that begins with `name`.
        has_imagenet_weights: Keras can download ImageNet weights for it.
        starts_from: other backbones whose weights it can start from, inflated over time if they
            are 2D; layers that they lack stay new. Empty for networks that their authors train from
            scratch: SlowFast, X3D, CSN, R(2+1)D, CorrNet.
        small: smaller networks of its kind, the smallest first, for quick trials.
        sizes: the smallest and the largest `input_size`.
        segment_step: `num_segments` must be a multiple of it.
        has_filters_per_frame: its weights are for one number of frames.
        family: the name of its kind in pictures, for networks of clips. Networks of frames are TSN,
            TSM or TRN, which the spec decides.
        same_weights_as: the backbone that names and shapes of its weights are taken for, because
            they do not tell the two apart; empty if they are its own.
    """

    name: str
    builder: str
    takes: str = "frames"
    takes_boxes: bool = False
    options: frozenset[str] = frozenset()
    preprocessing: str = "torch"
    flow_preprocessing: tuple[float, float] = (0.5, 0.226)
    is_family: bool = False
    has_imagenet_weights: bool = False
    starts_from: frozenset[str] = frozenset()
    small: tuple[str, ...] = ()
    sizes: tuple[int, int] = (SMALLEST, LARGEST)
    segment_step: int = 1
    has_filters_per_frame: bool = False
    family: str = ""
    same_weights_as: str = ""

    def load_builder(self) -> Callable:
        """Imports and returns the builder."""
        module, _, function = self.builder.partition(":")
        return getattr(importlib.import_module(module), function)

    def normalisation(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...], str]:
        """Returns mean, standard deviation and channel order of RGB (3 channels) or flow."""
        if channels == RGB_CHANNELS:
            return PREPROCESSING[self.preprocessing]
        mean, std = self.flow_preprocessing
        return (mean,) * channels, (std,) * channels, "rgb"


def _resnet(name: str, *options: str) -> Architecture:
    supported = frozenset({"shift_place", "temporal_pool", *options})
    return Architecture(
        name,
        "tsm_tf.backbones.resnet:resnet",
        options=supported,
        small=("resnet18", "resnet34"),
    )


def _resnet_v1(name: str) -> Architecture:
    return Architecture(
        name,
        "tsm_tf.backbones.resnet_v1:resnet_v1",
        options=frozenset({"shift_place"}),
        preprocessing="resnet_v1",
        small=("resnet_small",),
    )


def _i3d(name: str, segment_step: int, same_weights_as: str = "") -> Architecture:
    return Architecture(
        name,
        "tsm_tf.networks3d.i3d:i3d",
        takes="clips",
        options=frozenset({"width", "non_local"}),
        starts_from=frozenset({"resnet50"}),
        segment_step=segment_step,
        family="I3D",
        same_weights_as=same_weights_as,
    )


def _clip_network(
    name: str,
    family: str,
    builder: str,
    segment_step: int = 1,
    has_filters_per_frame: bool = False,
    same_weights_as: str = "",
) -> Architecture:
    return Architecture(
        name,
        f"tsm_tf.networks3d.{builder}",
        takes="clips",
        options=frozenset({"width"}),
        segment_step=segment_step,
        has_filters_per_frame=has_filters_per_frame,
        family=family,
        same_weights_as=same_weights_as,
    )


def _eco(name: str, sizes: tuple[int, int], *starts_from: str) -> Architecture:
    return Architecture(
        name,
        "tsm_tf.networks3d.eco:eco",
        takes="clips",
        preprocessing="bn_inception",
        starts_from=frozenset(starts_from),
        small=("eco_lite_small",),
        sizes=sizes,
        segment_step=4,
        family="ECO",
    )


def _keras_family(
    prefix: str,
    preprocessing: str,
    *options: str,
    smallest: int = SMALLEST,
) -> Architecture:
    return Architecture(
        f"{KERAS}:{prefix}",
        "tsm_tf.models.keras_network:build_application",
        options=frozenset({"shift_layers", *options}),
        preprocessing=preprocessing,
        is_family=True,
        has_imagenet_weights=True,
        sizes=(smallest, LARGEST),
    )


_ROWS = (
    Architecture(
        "mobilenet_v2",
        "tsm_tf.backbones.mobilenet_v2:mobilenet_v2",
        options=frozenset({"width"}),
    ),
    _resnet("resnet18"),
    _resnet("resnet34", "non_local"),
    _resnet("resnet50", "non_local"),
    _resnet("resnet101", "non_local"),
    _resnet("resnet152", "non_local"),
    _resnet("resnext50_32x4d", "non_local"),
    _resnet("resnext101_32x4d", "non_local"),
    _resnet_v1("resnet50_v1"),
    _resnet_v1("resnet101_v1"),
    Architecture(
        "resnet_small",
        "tsm_tf.backbones.resnet_v1:resnet_small",
        options=frozenset({"shift_place"}),
    ),
    Architecture(
        "bn_inception",
        "tsm_tf.backbones.bn_inception:bn_inception",
        options=frozenset({"shift_place", "width"}),
        preprocessing="bn_inception",
        flow_preprocessing=(128 / 255, 1 / 255),
        sizes=(223, 230),  # others do not end in the original's 7x7 maps
    ),
    _i3d("i3d_r50_3x3x3", 16),
    _i3d("i3d_r50_3x1x1", 8),
    _i3d("i3d_r50_3x1x1_full_rate", 2, "i3d_r50_3x1x1"),
    _i3d("i3d_r50_3x1x1_stride16", 2, "i3d_r50_3x1x1"),
    _i3d("i3d_r50_heavy", 2),
    _i3d("i3d_r50_replace", 1),
    Architecture(
        "i3d_r50_gcn",
        "tsm_tf.networks3d.region_graph:region_graph",
        takes="clips",
        takes_boxes=True,
        options=frozenset({"width", "non_local"}),
        starts_from=frozenset({"resnet50", "i3d_r50_3x1x1", "i3d_r50_3x1x1_stride16"}),
        segment_step=2,
        family="I3D",
    ),
    _clip_network("r2plus1d_r50", "R(2+1)D", "r2plus1d:r2plus1d"),
    _clip_network(
        "r2plus1d_r50_pool1", "R(2+1)D", "r2plus1d:r2plus1d", same_weights_as="r2plus1d_r50"
    ),
    _clip_network("ircsn_r50", "CSN", "csn:csn"),
    _clip_network("ircsn_r152", "CSN", "csn:csn"),
    _clip_network("ipcsn_r50", "CSN", "csn:csn"),
    _clip_network("ipcsn_r152", "CSN", "csn:csn"),
    _clip_network("x3d_s", "X3D", "x3d:x3d", same_weights_as="x3d_m"),
    _clip_network("x3d_m", "X3D", "x3d:x3d"),
    _clip_network("slowfast_r50_8x8", "SlowFast", "slowfast:slowfast", segment_step=4),
    _clip_network("slowfast_r50_4x16", "SlowFast", "slowfast:slowfast", segment_step=8),
    _clip_network("slowfast_r50_8x8_mmaction", "SlowFast", "slowfast:slowfast", segment_step=4),
    _clip_network("slowfast_r50_4x16_mmaction", "SlowFast", "slowfast:slowfast", segment_step=8),
    _clip_network("corrnet_r50", "CorrNet", "corrnet:corrnet", 2, has_filters_per_frame=True),
    _eco("eco_lite", (199, 230), "bn_inception"),
    _eco("eco", (223, 230), "bn_inception"),
    _eco("eco_lite_small", (SMALLEST, LARGEST)),
    Architecture(
        KERAS,
        "tsm_tf.models.keras_network:build_described",
        options=frozenset({"shift_layers", "keras_json"}),
        preprocessing="none",
    ),
    _keras_family("ConvNeXt", "none"),
    _keras_family("DenseNet", "torch"),
    _keras_family("EfficientNet", "none"),
    _keras_family("Inception", "tf", smallest=75),
    _keras_family("MobileNet", "tf", "width"),
    _keras_family("MobileNetV3", "none", "width"),
    _keras_family("NASNet", "tf"),
    _keras_family("ResNet", "caffe"),
    _keras_family("ResNet50V2", "tf"),
    _keras_family("ResNet101V2", "tf"),
    _keras_family("ResNet152V2", "tf"),
    _keras_family("VGG", "caffe"),
    _keras_family("Xception", "tf", smallest=71),
)
ARCHITECTURES = {row.name: row for row in _ROWS}


def find_architecture(backbone: str) -> Architecture:
    """Returns the row of a backbone.

    Raises:
        InputError: the catalogue has no such backbone.
    """
    row = ARCHITECTURES.get(backbone) if isinstance(backbone, str) else None
    if row is not None and not row.is_family:
        return row
    families = [
        row
        for row in ARCHITECTURES.values()
        if row.is_family and isinstance(backbone, str) and backbone.startswith(row.name)
    ]
    if not families:
        raise InputError("backbone", f"must be one of {known_backbones()}", backbone)
    return max(families, key=lambda row: len(row.name))


def known_backbones() -> str:
    """Returns the names of all backbones in one line, with `...` after those of families."""
    return ", ".join(f"{row.name}..." if row.is_family else row.name for row in _ROWS)
