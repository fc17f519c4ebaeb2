"""Makes the model that `fit` trains: builds, initialises, prepares and compiles it."""

import keras

from tsm_tf.devices import Devices, precision
from tsm_tf.keras_internals import clip_after_reduction
from tsm_tf.models.clip import build_model
from tsm_tf.spec import ModelSpec
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.step.accumulate import AccumulatingModel
from tsm_tf.training.step.distill import Distillation, load_teacher
from tsm_tf.training.step.kernels import use_fast_kernels
from tsm_tf.training.step.optimizer import build_optimizer
from tsm_tf.training.step.parameter_groups import batch_norms, freeze_batch_norms
from tsm_tf.training.step.training_model import TrainingModel
from tsm_tf.training.step.validation import MAP
from tsm_tf.weights.pretrained import initial_weights, pretrained_weights


def make_model(
    spec: ModelSpec,
    recipe: Recipe,
    initialization: Initialization,
    execution: Execution,
    devices: Devices,
    steps: int,
) -> TrainingModel:
    """Returns a recipe's compiled model; prints what it starts from.

    Args:
        spec: the recipe's model, with the classes of the data.
        recipe: the hyper-parameters.
        initialization: see `train`.
        execution: see `train`.
        devices: from `pick_devices`.
        steps: steps per epoch.
    """
    with devices.scope(), precision(execution.mixed_precision):
        clip_model, new_head = build_initialised(spec, recipe, initialization)
        distillation = make_distillation(spec, initialization, steps * recipe.epochs)
        window = recipe.streams.window if recipe.streams else None
        if recipe.accumulate > 1:
            model = AccumulatingModel(
                clip_model, recipe.accumulate, distillation, window, spec.multi_label
            )
        else:
            model = TrainingModel(clip_model, distillation, window, spec.multi_label)
        prepare_layers(
            model.trained,
            partial_bn=recipe.partial_bn,
            synchronized=execution.sync_batch_norm and devices.strategy is not None,
        )
        compile_model(model, recipe, execution, devices, steps, new_head)
    return model


def build_initialised(
    spec: ModelSpec,
    recipe: Recipe,
    initialization: Initialization,
) -> tuple[keras.Model, bool]:
    """Returns a clip model with its initial weights, and whether its head has random ones."""
    model = build_model(spec)
    source = initialization.init or initialization.weights
    if source is None:
        if recipe.initial_weights:
            print(
                f"random initial weights; the paper starts from {recipe.initial_weights}: "
                "--init=CHECKPOINT or --weights=FILE"
            )
        return model, True

    load = initial_weights if initialization.init else pretrained_weights
    new = load(model, source)
    print(f"initial weights from {source}; new: {', '.join(new) or 'none'}")
    return model, bool(new)


def prepare_layers(model: keras.Model, partial_bn: bool, synchronized: bool) -> None:
    """Freezes and synchronises batch norms, and chooses the kernels for training.

    Args:
        model: a clip model.
        partial_bn: whether to freeze all batch norms but the first.
        synchronized: whether batch norms use the statistics of all replicas.
    """
    if partial_bn:
        freeze_batch_norms(model)
    if synchronized:
        for layer in batch_norms(model):
            layer.synchronized = True
    use_fast_kernels(model)


def make_distillation(
    spec: ModelSpec,
    initialization: Initialization,
    steps: int,
) -> Distillation | None:
    """Returns the loss of the teacher, or None if there is no teacher.

    Args:
        spec: the student's spec.
        initialization: names the teacher.
        steps: updates of the whole training.
    """
    if not initialization.teacher:
        return None
    teacher = load_teacher(initialization.teacher, spec)
    print(f"teacher: {initialization.teacher}")
    return Distillation(
        teacher,
        initialization.distill_weight,
        initialization.temperature,
        steps,
    )


def compile_model(
    model: TrainingModel,
    recipe: Recipe,
    execution: Execution,
    devices: Devices,
    steps: int,
    new_head: bool,
) -> None:
    """Compiles a model with the recipe's optimizer and the loss on the labels.

    Args:
        model: the model.
        recipe: gives the optimizer.
        execution: gives `jit_compile`.
        devices: with several replicas, their gradients are clipped together.
        steps: steps per epoch.
        new_head: whether the head starts from random weights.
    """
    optimizer = build_optimizer(recipe, model.clip_model, steps, new_head)
    if devices.has_replicas:
        clip_after_reduction(optimizer)
    loss, metric = loss_and_metric(model.clip_model.spec, recipe.augmentation.mixes)
    model.compile(
        optimizer,
        loss,
        weighted_metrics=[metric],
        jit_compile="auto" if execution.jit_compile is None else execution.jit_compile,
    )


def loss_and_metric(
    spec: ModelSpec, has_soft_labels: bool = False
) -> tuple[keras.losses.Loss, str | keras.metrics.Metric]:
    """Returns the loss on the labels, and what the training clips are measured by.

    The mean average precision of the training clips is Keras' estimate from 200 thresholds. That of
    the validation clips is exact; see `validate_multi_label`.

    Args:
        spec: the model's spec.
        has_soft_labels: whether labels are shares of the classes, as of mixed clips.
    """
    losses = keras.losses
    if spec.multi_label:
        metric = keras.metrics.AUC(
            curve="PR",
            name=MAP,
            multi_label=True,
            num_labels=spec.num_classes,
            from_logits=True,
        )
        return losses.BinaryCrossentropy(from_logits=True), metric
    if has_soft_labels:
        return losses.CategoricalCrossentropy(from_logits=True), "accuracy"
    return losses.SparseCategoricalCrossentropy(from_logits=True), "accuracy"
