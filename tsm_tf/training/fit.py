"""`model.fit` with its datasets and callbacks, from the newest state to the last epoch."""

import contextlib
import pathlib
import warnings
from collections.abc import Iterator
from typing import Protocol

import keras
import tensorflow as tf

from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import BATCHES_AHEAD
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.devices import Devices
from tsm_tf.errors import InputError
from tsm_tf.training.distributed import AverageBatchNorms, prepared
from tsm_tf.training.progress import Progress, WrongClips
from tsm_tf.training.run_folder.callbacks import (
    BadVideoReport,
    Publisher,
    StateSaver,
    StopOnNan,
    StopOnSignal,
)
from tsm_tf.training.run_folder.folder import TENSORBOARD
from tsm_tf.training.settings import Execution
from tsm_tf.training.step.fitted_model import FittedModel

_PROFILED_STEPS = (10, 20)


class FittedPlan(Protocol):
    """What `fit` needs to know of a plan, such as `tsm_tf.training.clips.Plan`.

    Attributes:
        epochs: epochs of the training.
        steps: steps per epoch.
        batch_size: clips per update, on all devices together.
        metric: the metric that decides `best/`: its name in the log, and in the progress line.
        unit: what a step counts, such as "clips".
        evaluates_alone: whether `model.evaluate` takes the validation dataset as it is, instead of
            distributed over the devices.
        class_names: for TensorBoard's images of misclassified clips; None: without them.
    """

    @property
    def epochs(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def metric(self) -> tuple[str, str]: ...
    @property
    def unit(self) -> str: ...
    @property
    def evaluates_alone(self) -> bool: ...
    @property
    def class_names(self) -> tuple[str, ...] | None: ...


class FittedClips(Protocol):
    """The datasets of a training, such as `tsm_tf.training.clips.Clips`."""

    @property
    def plan(self) -> FittedPlan: ...
    @property
    def devices(self) -> Devices: ...

    def training(
        self, first_epoch: int, first_batch: int, observer: Observer
    ) -> tf.data.Dataset: ...

    def validation(self, observer: Observer | None = None) -> tf.data.Dataset: ...


def fit(
    model: FittedModel,
    clips: FittedClips,
    execution: Execution,
    output: pathlib.Path,
) -> None:
    """Trains from the newest state in a run's folder to the last epoch."""
    plan, devices = clips.plan, clips.devices
    batch = clips.validation().element_spec
    saver = StateSaver(output, devices, execution.checkpoint_steps)
    with prepared(model, devices, batch):
        state = saver.restore(model, batch)
        epoch, step, epochs = state.epoch, state.batch, plan.epochs
        if step > plan.steps:
            rule = f"must be a run whose epochs have {plan.steps} steps"
            raise InputError("output", rule, state.place)
        if epoch and not step and devices.is_chief:
            Publisher(saver, f"val_{plan.metric[0]}").publish(
                model
            )  # a killed process may not have finished that
        if epoch >= epochs:
            print(f"{output} already has all its {epochs} epochs")
            return

        place = f"epoch {epoch + 1}" + (f", step {step + 1}," if step else "")
        print(f"{'resuming' if epoch or step else 'training'}: {place} to {epochs}", flush=True)
        if step:  # on its own, because all epochs of one `model.fit` have the same number of steps
            fit_epochs(model, clips, saver, execution, epoch, epoch + 1, step)
            epoch += 1
        fit_epochs(model, clips, saver, execution, epoch, epochs)


def fit_epochs(
    model: FittedModel,
    clips: FittedClips,
    saver: StateSaver,
    execution: Execution,
    first: int,
    end: int,
    step: int = 0,
) -> None:
    """Trains the epochs from `first` up to `end`, the first of them from `step`.

    Args:
        model: a compiled model, in the state of that step.
        clips: the datasets.
        saver: saves the states.
        execution: how to run.
        first: first epoch, from 0.
        end: epoch before which to stop.
        step: finished steps of the first epoch; then it must be the only one.
    """
    if first == end:
        return
    plan, devices = clips.plan, clips.devices
    report = BadVideoReport()
    progress = make_progress(plan, devices, step)
    steps = (end - first) * plan.steps - step
    validation = clips.validation(_Observer(report))
    validated = validation if plan.evaluates_alone else devices.distribute(validation)
    callbacks = make_callbacks(saver, devices, report, plan.metric[0])
    if devices.is_chief:
        shown = tensorboard(saver.directory, plan, validation, execution.profile, steps)
        callbacks += [progress, *shown]

    with explained_errors(report, execution, devices):
        if step == plan.steps:
            validate(model, validated, first, callbacks)
            return
        training = clips.training(first, step, _Observer(report, progress))
        try:
            model.fit(
                # One pass for all epochs: at the end of its data, a step of Keras still counts and
                # decays (operations that need no clip run), and only then fails.
                devices.distribute(training.repeat(end - first).prefetch(BATCHES_AHEAD)),
                steps_per_epoch=plan.steps - step,
                validation_data=validated,
                initial_epoch=first,
                epochs=end,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
        except BaseException:
            progress.settle()
            raise


def make_progress(plan: FittedPlan, devices: Devices, step: int) -> Progress:
    """Returns the progress line; the first epoch has `step` finished steps."""
    return Progress(
        plan.epochs,
        plan.steps,
        plan.batch_size,
        plan.batch_size // devices.share.count,
        first_batch=step,
        metric=plan.metric[0],
        title=plan.metric[1],
        unit=plan.unit,
    )


def make_callbacks(
    saver: StateSaver,
    devices: Devices,
    report: BadVideoReport,
    metric: str = "accuracy",
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that keep the run's folder, in the order that they need.

    Args:
        saver: saves the states.
        devices: only the chief publishes checkpoints.
        report: lists bad videos.
        metric: name of the metric that decides `best/`.
    """
    callbacks = [StopOnNan(saver), saver]
    if devices.has_replicas:
        callbacks.append(AverageBatchNorms(devices))
    if devices.is_chief:
        callbacks.append(Publisher(saver, f"val_{metric}"))
    return [*callbacks, StopOnSignal(saver, devices), report]


def validate(
    model: FittedModel,
    validation: tf.data.Dataset,
    epoch: int,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Ends an epoch whose steps are all done: validates, and calls the callbacks.

    `model.fit` cannot do this: on an empty dataset, Keras' step would still change the weights.
    """
    called = keras.callbacks.CallbackList(callbacks, model=model)
    called.on_train_begin()
    called.on_epoch_begin(epoch)
    logs = model.get_metrics_result()
    found = model.evaluate(validation, callbacks=called, return_dict=True)
    logs |= {f"val_{name}": value for name, value in found.items()}
    called.on_epoch_end(epoch, logs)
    called.on_train_end()


def tensorboard(
    output: pathlib.Path,
    plan: FittedPlan,
    validation: tf.data.Dataset,
    profile: bool,
    steps: int,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that write for TensorBoard.

    Args:
        output: the run's folder.
        plan: gives the class names.
        validation: the validation dataset, whose first batch shows misclassified clips.
        profile: whether to trace some steps; a training with fewer steps traces its last one.
        steps: steps that are left.
    """
    folder = output / TENSORBOARD
    profiled = tuple(min(step, steps) for step in _PROFILED_STEPS) if profile and steps else 0
    board = keras.callbacks.TensorBoard(folder, profile_batch=profiled)
    if plan.class_names is None:
        return [board]
    clips, labels = next(iter(validation))[:2]
    inputs = keras.tree.map_structure(lambda tensor: tensor.numpy(), clips)
    classes = tf.argmax(labels, axis=-1) if labels.shape.rank == 2 else labels
    wrong = WrongClips(inputs, classes.numpy(), plan.class_names, folder / "validation")
    return [board, wrong]


@contextlib.contextmanager
def explained_errors(
    report: BadVideoReport,
    execution: Execution,
    devices: Devices,
) -> Iterator[None]:
    """Context manager in which `fit` raises errors that name their cause.

    Raises:
        BadVideoError: a video cannot be decoded.
        InputError: another worker was lost.
    """
    try:
        with warnings.catch_warnings():
            # A validation without the batches of bad videos is shorter than Keras expects.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            yield
    except tf.errors.OpError as error:
        skips = execution.on_bad_video == "skip"
        fatal = [bad for bad in report.errors if not (skips and bad.is_skippable)]
        if fatal:
            raise fatal[0] from None
        if lost_worker := devices.lost_worker(error):
            raise lost_worker from None
        raise


class _Observer(Observer):
    """Passes on what the dataset reports from its threads."""

    def __init__(self, report: BadVideoReport, progress: Progress | None = None):
        self.report = report
        self.progress = progress

    def clip_ready(self, place: int) -> None:
        if self.progress is not None:
            self.progress.clip_ready(place)

    def bad_video(self, error: BadVideoError) -> None:
        self.report.bad_video(error)
