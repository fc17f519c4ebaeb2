"""The recipes for detectors: a model and its hyper-parameters, without the data."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from tsm_tf.detector_spec import ALIGN, FGFA, FGFA_FRAMES, DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.spec_checks import check_choice
from tsm_tf.training.recipes.recipe import OPTIMIZERS, SCHEDULES

_SMALLEST = {
    "epochs": 1,
    "batch_size": 1,
    "frame_stride": 1,
    "max_offset": 0,
    "max_boxes": 1,
    "anchor_samples": 2,
    "hard_regions": 1,
    "frozen_stages": 0,
}


@dataclasses.dataclass(frozen=True)
class DetectionRecipe:
    """A detector and the hyper-parameters of its training.

    Args:
        model: the detector. Its classes are placeholders: the data folder decides them.
        epochs: passes over the training samples, each of which is mirrored half of the time.
        batch_size: samples of `num_segments` frames per step, on all devices together.
        learning_rate: the highest rate, reached after the warm-up.
        weight_decay: see `tsm_tf.training.recipes.Recipe`, as all of the optimizer's.
        initial_weights: what the paper's backbone starts from; None: random weights.
        warmup_epochs: epochs over which the rate rises.
        warmup_rate: the rate of the first step of the warm-up.
        schedule: `"step"`, `"cosine"` or `"cosine_per_epoch"`.
        decay_epochs: epochs at which `"step"` divides the rate by 10; need not be whole.
        optimizer: `"sgd"` or `"adamw"`.
        momentum: momentum of SGD.
        clip_norm: largest global norm of the gradient; 0 disables clipping.
        freeze_batch_norms: whether batch norms keep their statistics, scales and offsets.
        frozen_stages: how many stages of the backbone are frozen, with what is before them.
        anchor_samples: anchors per frame whose loss counts, at most half of them objects.
        hard_regions: regions per frame whose loss counts: those with the largest (OHEM).
        frame_stride: distance of a sample's frames in the video, in frames.
        max_offset: largest distance of the other frames of a sample of FGFA.
        max_boxes: objects per frame that are trained at most; others are left out.
        seed: determines the weights, the order, the samples and the mirroring.

    Raises:
        InputError: an unknown choice, or a number out of range.
    """

    model: DetectorSpec
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    initial_weights: str | None = None
    warmup_epochs: float = 0
    warmup_rate: float = 0.0
    schedule: str = "step"
    decay_epochs: tuple[float, ...] = ()
    optimizer: str = "sgd"
    momentum: float = 0.9
    clip_norm: float = 0.0
    freeze_batch_norms: bool = True
    frozen_stages: int = 1
    anchor_samples: int = 256
    hard_regions: int = 128
    frame_stride: int = 1
    max_offset: int = 9
    max_boxes: int = 32
    seed: int = 0

    def __post_init__(self):
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("schedule", self.schedule, SCHEDULES)
        for name, smallest in _SMALLEST.items():
            if getattr(self, name) < smallest:
                raise InputError(name, f"must be at least {smallest}", getattr(self, name))
        if not 0 < self.learning_rate < math.inf:
            raise InputError("learning_rate", "must be positive", self.learning_rate)
        for name in ("weight_decay", "warmup_epochs", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(name, "must be a number of at least 0", getattr(self, name))
        if not 0 <= self.seed < 2**32:
            raise InputError("seed", "must be from 0 to 2**32 - 1", self.seed)

    def replace(self, **changes: Any) -> "DetectionRecipe":
        """Returns a recipe with some values changed, checked again.

        Args:
            **changes: values of the recipe or, by the same names, of its model. Another number of
                epochs moves `decay_epochs` in proportion.

        Raises:
            InputError: an unknown name, or a bad value.
        """
        own = {field.name for field in dataclasses.fields(self)}
        of_model = {name: value for name, value in changes.items() if name not in own}
        changes = {name: value for name, value in changes.items() if name in own}
        if of_model:
            changes["model"] = changes.get("model", self.model).replace(**of_model)
        if "epochs" in changes and "decay_epochs" not in changes:
            factor = changes["epochs"] / self.epochs
            changes["decay_epochs"] = tuple(epoch * factor for epoch in self.decay_epochs)
        return dataclasses.replace(self, **changes)


def vid_rfcn() -> DetectionRecipe:
    """R-FCN on single frames of ImageNet-VID and DET, the paper's 2D baseline (Table 9).

        python -m tsm_tf.detection.training --recipe=vid_rfcn --data=DIR --output=DIR --weights=FILE

    The settings are those of FGFA's code, which the paper uses: ResNet-101 v1 with dilated stage 4,
    frozen batch norms, SGD with 1e-3 for four images, divided by 10 after two thirds. There, two
    epochs have each image twice, as it is and mirrored; here that is four epochs.

    Starting weights: any network with ImageNet weights will do if its own normalisation is used,
    such as `--backbone=resnet101 --weights=imagenet`, whose stride is in the 3x3 convolution.
    Expected mAP: 74.7% (83.6 slow, 72.5 medium, 51.4 fast). We have not run it to completion.
    """
    return DetectionRecipe(
        model=DetectorSpec(shift_mode="none", num_segments=1),
        initial_weights="imagenet",
        epochs=4,
        decay_epochs=(8 / 3,),
        batch_size=4,
        learning_rate=1e-3,
        weight_decay=5e-4,
    )


def vid_rfcn_tsm() -> DetectionRecipe:
    """Online TSM in R-FCN's backbone, on samples of eight consecutive frames (section 6).

        python -m tsm_tf.detection.training --recipe=vid_rfcn_tsm --data=DIR --output=DIR \\
            --init=RUN_OF_VID_RFCN

    As `vid_rfcn`, with an eighth of the channels shifted in every second block, and a loss on each
    frame. A still image becomes eight equal frames. The paper starts from ImageNet weights;
    `--init` starts from a trained detector of single frames, which needs fewer epochs.

    Expected mAP: 76.3% (83.4 slow, 74.8 medium, 56.0 fast). We have not run it to completion.
    """
    model = DetectorSpec(shift_mode="unidirectional", num_segments=8)
    return vid_rfcn().replace(model=model)


def vid_fgfa() -> DetectionRecipe:
    """FGFA with R-FCN (Zhu et al. 2017), the paper's offline baseline with optical flow (Table 9).

        python -m tsm_tf.detection.training --recipe=vid_fgfa --data=DIR --output=DIR \\
            --init=RUN_OF_VID_RFCN

    Each sample has two other frames, up to nine frames away, whose features are aggregated.

    Expected mAP: 75.9% (84.0 slow, 74.4 medium, 55.6 fast). We have not run it to completion.
    """
    return vid_rfcn().replace(method=FGFA, num_segments=FGFA_FRAMES)


def shapes() -> DetectionRecipe:
    """The rendered shapes with glare and motion blur, where online TSM can show its gain.

        python -m tsm_tf.detection.data.synthetic --output=data/shapes
        python -m tsm_tf.detection.training --recipe=shapes --shift_mode=none --epochs=7 \\
            --data=data/shapes --output=runs/start
        python -m tsm_tf.detection.training --recipe=shapes --shift_mode=none \\
            --data=data/shapes --output=runs/per_frame --init=runs/start
        python -m tsm_tf.detection.training --recipe=shapes \\
            --data=data/shapes --output=runs/tsm --init=runs/start

    A small network on frames of 96 pixels, in windows of eight frames. The shift needs a trained
    detector to start from: from random weights and with few epochs, it learns where objects are as
    fast, but what they are more slowly. So both detectors start from the same one of single frames.
    """
    return DetectionRecipe(
        model=DetectorSpec(
            backbone="resnet_small",
            num_classes=4,
            num_segments=8,
            input_height=96,
            input_width=96,
            feature_stride=8,
            detector_channels=96,
            detector_dilation=1,
            anchor_scales=(2.5, 3.5),
            anchor_ratios=(1,),
            num_proposals=24,
            bins=3,
            pooling=ALIGN,
            max_detections=50,
            fps=10,
        ),
        epochs=6,
        batch_size=4,
        optimizer="adamw",
        learning_rate=2e-3,
        warmup_epochs=1,
        schedule="cosine",
        weight_decay=1e-3,
        clip_norm=5.0,
        freeze_batch_norms=False,
        frozen_stages=0,
        anchor_samples=64,
        hard_regions=14,
        max_boxes=8,
    )


def shapes_fgfa() -> DetectionRecipe:
    """FGFA on the rendered shapes, as the offline baseline beside `shapes`.

        python -m tsm_tf.detection.training --recipe=shapes_fgfa \\
            --data=data/shapes --output=runs/fgfa --init=runs/start

    The same detector of single frames, with a FlowNet of an eighth of the channels (0.6 M
    parameters) that trains on a CPU. Each sample has three frames and a loss on one of them.
    FlowNet starts from random weights, while the original is pretrained on Flying Chairs.
    """
    return shapes().replace(
        method=FGFA,
        shift_mode="none",
        num_segments=FGFA_FRAMES,
        flow_channels=8,
        window_radius=4,
        max_offset=4,
        batch_size=8,
    )


RECIPES: dict[str, Callable[[], DetectionRecipe]] = {
    "vid_rfcn": vid_rfcn,
    "vid_rfcn_tsm": vid_rfcn_tsm,
    "vid_fgfa": vid_fgfa,
    "shapes": shapes,
    "shapes_fgfa": shapes_fgfa,
}
"""Recipes by name."""


def get_recipe(name: str, **changes: Any) -> DetectionRecipe:
    """Returns a recipe by name, with some values changed.

    Args:
        name: one of `RECIPES`.
        **changes: see `DetectionRecipe.replace`; values of None change nothing.

    Raises:
        InputError: an unknown recipe, or a value out of range.
    """
    check_choice("recipe", name, tuple(RECIPES))
    changes = {key: value for key, value in changes.items() if value is not None}
    return RECIPES[name]().replace(**changes)
