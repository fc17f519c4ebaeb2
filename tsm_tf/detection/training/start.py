"""Makes the model that `fit` trains: builds, initialises, freezes and compiles it."""

import pathlib

import keras

from tsm_tf.catalogue import find_architecture
from tsm_tf.detection.checkpoint import load_detector
from tsm_tf.detection.fgfa.flow_guided import AGGREGATION, aggregation_layers
from tsm_tf.detection.recipes import DetectionRecipe
from tsm_tf.detection.rfcn import CLASS_LAYERS, DetectorModel, backbone_layers, build_detector
from tsm_tf.detection.training.model import DetectorTraining
from tsm_tf.detector_spec import FGFA, DetectorSpec
from tsm_tf.devices import Devices, precision
from tsm_tf.errors import InputError, naming
from tsm_tf.keras_internals import clip_after_reduction
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.step.kernels import use_fast_kernels
from tsm_tf.training.step.optimizer import grouped_optimizer
from tsm_tf.training.step.parameter_groups import batch_norms
from tsm_tf.weights.checkpoint import load_checkpoint
from tsm_tf.weights.presets.load import resolve_checkpoint
from tsm_tf.weights.presets.table import PREFIX
from tsm_tf.weights.pretrained import image_network, transfer


def make_model(
    spec: DetectorSpec,
    recipe: DetectionRecipe,
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
    steps: int,
) -> DetectorTraining:
    """Returns a recipe's compiled model; prints what it starts from.

    Args:
        spec: the recipe's model, with the classes of the data.
        recipe: the hyper-parameters.
        initialization: which weights to start from; a teacher is ignored.
        execution: see `tsm_tf.training.train.train`.
        devices: from `pick_devices`.
        steps: steps per epoch.
    """
    with devices.scope(), precision(execution.mixed_precision):
        detector = build_initialised(spec, recipe, initialization)
        freeze(detector, recipe)
        for layer in (
            batch_norms(detector) if devices.strategy and execution.sync_batch_norm else ()
        ):
            layer.synchronized = True
        use_fast_kernels(detector)

        model = DetectorTraining(detector, recipe)
        optimizer = grouped_optimizer(recipe, model, steps, _groups(detector))
        if devices.has_replicas:
            clip_after_reduction(optimizer)
        jit_compile = "auto" if execution.jit_compile is None else execution.jit_compile
        model.compile(optimizer, jit_compile=jit_compile)
    return model


def build_initialised(
    spec: DetectorSpec,
    recipe: DetectionRecipe,
    initialization: Initialization,
) -> DetectorModel:
    """Returns a detector with its initial weights.

    Raises:
        MissingFile: there is no such checkpoint or file.
        InputError: the weights are those of another network.
    """
    detector = build_detector(spec)
    if initialization.init:
        new = weights_of_detector(detector, initialization.init)
    elif initialization.weights:
        new = weights_of_backbone(detector, initialization.weights)
    else:
        if recipe.initial_weights:
            print(
                f"random initial weights; the paper starts from {recipe.initial_weights}: "
                "--init=CHECKPOINT or --weights=FILE"
            )
        return detector

    source = initialization.init or initialization.weights
    layers = dict.fromkeys(path.partition("/")[0] for path in new)
    print(f"initial weights from {source}; new: {', '.join(layers) or 'none'}")
    return detector


def weights_of_detector(detector: DetectorModel, checkpoint: str) -> list[str]:
    """Initialises a detector from another one, which may have another shift.

    The classifier of regions stays new if the classes differ, and FGFA's own networks if the other
    detector is R-FCN.

    Args:
        detector: from `build_detector`.
        checkpoint: folder of a detector, or of its training.

    Returns:
        Paths of the weights that stay new.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: it has other layers.
    """
    with naming("init"):
        source = load_detector(checkpoint)
    is_same = (source.spec.labels, source.spec.num_classes) == (
        detector.spec.labels,
        detector.spec.num_classes,
    )
    keep = frozenset() if is_same else CLASS_LAYERS
    if source.spec.method != detector.spec.method == FGFA:
        keep |= aggregation_layers(detector.get_layer(AGGREGATION))
    return transfer(source, detector, detector.spec.network_spec(), "init", checkpoint, keep)


def weights_of_backbone(detector: DetectorModel, weights: str) -> list[str]:
    """Initialises a detector's backbone from an image network; other layers stay new.

    Args:
        detector: from `build_detector`.
        weights: see `tsm_tf.weights.pretrained.pretrained_weights`; or a checkpoint folder of a
            classifier, or `preset:NAME`.

    Returns:
        Paths of the weights that stay new.

    Raises:
        MissingFile: there is no such file.
        InputError: the weights are those of another network, or cannot be downloaded.
    """
    spec = detector.spec.network_spec()
    if weights.startswith(PREFIX) or pathlib.Path(weights).is_dir():
        with naming("weights"):
            source = load_checkpoint(resolve_checkpoint(weights))
    else:
        source = image_network(spec, weights)
    keep = frozenset(layer.name for layer in detector.layers) - backbone_layers(detector)
    return transfer(source, detector, spec, "weights", weights, keep)


def freeze(detector: DetectorModel, recipe: DetectionRecipe) -> None:
    """Freezes what a recipe does not train: first stages, and batch norms with their statistics.

    Raises:
        InputError: the network has no such stage.
    """
    frozen = stage_layers(detector.spec, recipe.frozen_stages) if recipe.frozen_stages else set()
    for layer in detector.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if layer.name in frozen or (is_norm and recipe.freeze_batch_norms):
            layer.trainable = False


def stage_layers(spec: DetectorSpec, stage: int) -> set[str]:
    """Returns the names of a backbone's layers up to the end of a stage.

    Raises:
        InputError: the network has no such stage.
    """
    frames = keras.Input((spec.input_height, spec.input_width, 3))
    outputs = find_architecture(spec.backbone).load_builder()(frames, spec.network_spec())
    if f"stage_{stage}" not in outputs:
        stages = sum(name.startswith("stage_") for name in outputs)
        rule = f"must be at most {stages}, the stages of {spec.backbone}"
        raise InputError("frozen_stages", rule, stage)
    return {layer.name for layer in keras.Model(frames, outputs[f"stage_{stage}"]).layers}


def _groups(detector):
    """Returns SGD's groups as in MXNet: only kernels decay."""
    return {v.path: (1, int(v.path.endswith("kernel"))) for v in detector.trainable_variables}
