"""The paper's recipes. Each takes the name of one of the paper's models, see `MODELS`.

We have not run any of them to completion. The paper reports run times for Kinetics only (Table 12).
`--quick` trains a small network on small frames for two epochs, with everything else unchanged, to
check that a recipe runs on your data. All of them are evaluated by

    python -m tsm_tf.evaluation --checkpoint=DIR --data=DIR

which takes one clip per video and the centre crop. Table 1 of the paper uses two clips at full
resolution instead.
"""

from tsm_tf.spec import ModelSpec
from tsm_tf.training.recipes.recipe import Recipe

MODELS = {
    "r50_8f": ModelSpec("resnet50", num_segments=8, shift_mode="bidirectional"),
    "r50_16f": ModelSpec("resnet50", num_segments=16, shift_mode="bidirectional"),
    "nl_r50_8f": ModelSpec(
        "resnet50",
        num_segments=8,
        shift_mode="bidirectional",
        non_local=True,
    ),
    "mobilenet_v2_online": ModelSpec("mobilenet_v2", num_segments=8, shift_mode="unidirectional"),
}


def kinetics(model: str = "r50_8f") -> Recipe:
    """Kinetics-400 as in the original's scripts: half the epochs that the paper's text gives.

        python -m tsm_tf.training --recipe=kinetics --data=DIR --output=DIR --init=IMAGENET

    Paper: Table 6, one clip. Tables 1 and 3: NL R-50 and offline MobileNetV2. Table 7: online.
    Run time: not reported for these 50 epochs; see `kinetics_paper` for 100.
    Expected accuracy: top-1 74.1% (8 frames), 74.7% (16 frames), 75.7% (NL R-50), 69.5% (offline
    MobileNetV2), 74.3% (online R-50).
    Quick variant and evaluation: see the module.
    """
    return Recipe(
        model=MODELS[model],
        initial_weights="imagenet",
        epochs=50,
        decay_epochs=(20, 40),
        learning_rate=0.02,
        batch_size=128,
        weight_decay=1e-4,
    )


def kinetics_paper(model: str = "r50_8f") -> Recipe:
    """Kinetics-400 as in section 5.1.1; it differs from the scripts, see `kinetics`.

        python -m tsm_tf.training --recipe=kinetics_paper --data=DIR --output=DIR --init=IMAGENET

    On many devices, add `--batch_size=12288 --linear_scaling`.

    Paper: Table 12, R-50 with 8 frames. On one Summit node (6 V100), 96 clips per step; on 256
    nodes (1,536 V100), 12,288 clips per step.
    Run time: 49 h 55 min on one node, 14 min 13 s on 256 nodes.
    Expected accuracy: top-1 74.12% on one node, 73.99% on 256 nodes; otherwise as for `kinetics`.
    Quick variant and evaluation: see the module.
    """
    return Recipe(
        model=MODELS[model],
        initial_weights="imagenet",
        epochs=100,
        decay_epochs=(40, 80),
        learning_rate=0.01,
        batch_size=64,
        weight_decay=1e-4,
    )


def something_v1(model: str = "r50_8f") -> Recipe:
    """Something-Something V1. Videos are never mirrored, because left and right are in the labels.

        python -m tsm_tf.training --recipe=something_v1 --data=DIR --output=DIR --init=IMAGENET

    Paper: Table 2, one centre clip; Table 1, two clips at full resolution; Table 7, online.
    Run time: not reported.
    Expected accuracy: top-1 45.6% (8 frames) and 47.2% (16 frames) with one clip; 47.3% (8 frames)
    with two clips, 20.5% without the shift; 46.3% online.
    Quick variant and evaluation: see the module.
    """
    return Recipe(
        model=MODELS[model],
        initial_weights="imagenet",
        epochs=50,
        decay_epochs=(20, 40),
        learning_rate=0.01,
        batch_size=64,
        weight_decay=5e-4,
        flips="none",
    )


def something_v2(model: str = "r50_8f") -> Recipe:
    """Something-Something V2, trained as V1.

        python -m tsm_tf.training --recipe=something_v2 --data=DIR --output=DIR --init=IMAGENET

    Paper: Table 1, two clips at full resolution.
    Run time: not reported.
    Expected accuracy: top-1 61.7% (8 frames).
    Quick variant and evaluation: see the module.
    """
    return something_v1(model)


def jester(model: str = "r50_8f") -> Recipe:
    """Jester's hand gestures, trained as Something-Something.

        python -m tsm_tf.training --recipe=jester --data=DIR --output=DIR --init=IMAGENET

    Paper: Table 1, two clips at full resolution.
    Run time: not reported.
    Expected accuracy: top-1 97.0%, 83.9% without the shift.
    Quick variant and evaluation: see the module.
    """
    return something_v1(model)


def ucf101(model: str = "r50_8f") -> Recipe:
    """UCF101, fine-tuned from Kinetics. All batch norms but the first are frozen, because the data
    set is too small to estimate new statistics. The head of the checkpoint, with 400 classes, is
    replaced.

        python -m tsm_tf.training --recipe=ucf101 --data=DIR --output=DIR --init=KINETICS

    Paper: Table 1, two clips at full resolution; Table 7, online.
    Run time: not reported.
    Expected accuracy: top-1 95.9%, 95.5% online.
    Quick variant and evaluation: see the module.
    """
    return Recipe(
        model=MODELS[model].replace(dropout=0.8),
        initial_weights="kinetics",
        epochs=25,
        decay_epochs=(10, 20),
        learning_rate=0.001,
        batch_size=64,
        weight_decay=5e-4,
        partial_bn=True,
    )


def hmdb51(model: str = "r50_8f") -> Recipe:
    """HMDB51, trained as UCF101.

        python -m tsm_tf.training --recipe=hmdb51 --data=DIR --output=DIR --init=KINETICS

    Paper: Table 1, two clips at full resolution; Table 7, online.
    Run time: not reported.
    Expected accuracy: top-1 73.5%, 73.6% online.
    Quick variant and evaluation: see the module.
    """
    return ucf101(model)
