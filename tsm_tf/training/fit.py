"""`model.fit` with its datasets and callbacks, from wherever a training was stopped."""

import dataclasses
import pathlib
import warnings

import keras

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.epoch_order import Order
from tsm_tf.data.listing import Listing
from tsm_tf.data.observer import Observer
from tsm_tf.data.pipeline import BATCHES_AHEAD, clip_dataset
from tsm_tf.data.sources.memory import MemoryCache
from tsm_tf.data.sources.video_file import VIDEO_FILES, BadVideoError
from tsm_tf.errors import InputError
from tsm_tf.training.devices import Devices, prepared
from tsm_tf.training.progress import Progress, WrongClips
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.run_folder.callbacks import BadVideoReport, RunFolder

_PROFILED_STEPS = (10, 20)


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a training is run; another strategy can go on with what one began.

    Args:
        strategy: see `pick_devices`.
        mixed_precision: `"float16"` (with loss scaling) or `"bfloat16"` for layers, float32 for weights; None: float32.
        jit_compile: XLA; None leaves it to Keras.
        sync_batch_norm: batch norms see the clips of all devices, not of each.
        checkpoint_steps: steps between saved states within an epoch; 0: at epochs' ends only.
        profile: writes a trace of some steps for TensorBoard.
        on_bad_video: see `clip_dataset`.
        cache_mib: memory for decoded videos, of each process.
    """

    strategy: str = "auto"
    mixed_precision: str | None = None
    jit_compile: bool | None = None
    sync_batch_norm: bool = False
    checkpoint_steps: int = 0
    profile: bool = False
    on_bad_video: str = "stop"
    cache_mib: int = 1024


class _Watch(Observer):
    """Collects bad videos, and passes on when clips are ready."""

    def __init__(self, bad_videos, on_clip):
        self.bad_video = bad_videos.append
        self.clip_ready = on_clip


@dataclasses.dataclass
class Loop:
    """`model.fit` with its datasets and callbacks."""

    recipe: Recipe
    listing: Listing
    model: keras.Model
    devices: Devices
    execution: Execution
    output: pathlib.Path
    steps: int
    drop_last: bool
    targets: tuple[int | None, ...] | None

    def __post_init__(self):
        self.source = MemoryCache(VIDEO_FILES, self.execution.cache_mib << 20)

    def run(self, lines: list[str]) -> None:
        """Goes on from the newest state to the last epoch, and says so with the lines."""
        folder = RunFolder(self.output, self.devices, self.execution.checkpoint_steps)
        batch = self.dataset("val").element_spec
        with prepared(self.model, self.devices, batch):
            state = folder.restore(self.model, batch)
            if state.epoch >= self.recipe.epochs:
                print(f"{self.output} has all its {self.recipe.epochs} epochs")
                return
            place = f"epoch {state.epoch + 1}" + (
                f", step {state.batch + 1}," if state.batch else ""
            )
            going_on = "going on" if state.epoch or state.batch else "training"
            print(*lines, f"{going_on}: {place} to {self.recipe.epochs}", sep="\n", flush=True)
            self.fit(folder, state.epoch, state.batch)

    def dataset(self, split, **options):
        """Returns this process' share of a list file's clips."""
        batch_size = self.recipe.batch_size * (1 if split == "val" else self.recipe.accumulate)
        return clip_dataset(
            self.listing,
            self.model.spec,
            split,
            batch_size,
            source=self.source,
            skip_bad_videos=self.execution.on_bad_video == "skip",
            **{"order": Order(share=self.devices.share), **options},
        )

    def fit(self, folder, epoch, batch):
        """Trains from an epoch and a step within it."""
        import tensorflow as tf

        bad_videos: list[BadVideoError] = []
        gone = (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.DeadlineExceededError,
            tf.errors.CancelledError,
        )
        try:
            if batch:  # by itself: all epochs of a `fit` have the same number of steps
                self.fit_epochs(folder, bad_videos, epoch, epoch + 1, batch)
                epoch += 1
            self.fit_epochs(folder, bad_videos, epoch, self.recipe.epochs)
        except tf.errors.OpError as error:
            if self.execution.on_bad_video == "stop" and bad_videos:
                raise bad_videos[0] from None
            if self.devices.share.count > 1 and isinstance(error, gone):
                rule = "needs all its workers, one of which is gone; start all again with the same command to go on"
                raise InputError("strategy", rule, str(error).splitlines()[0]) from None
            raise

    def fit_epochs(self, folder, bad_videos, first, end, batch=0):
        """Trains for the epochs from `first` up to `end`, which begin with a step."""
        recipe = self.recipe
        batch_size = recipe.batch_size * recipe.accumulate
        progress = Progress(
            recipe.epochs, self.steps, batch_size, batch_size // self.devices.share.count, batch
        )
        training = self.dataset(
            "train",
            augmentation=Augmentation(recipe.scales, self.targets),
            order=Order(
                seed=recipe.seed,
                first_epoch=first,
                first_batch=batch,
                drop_last=self.drop_last,
                share=self.devices.share,
            ),
            observer=_Watch(bad_videos, progress.on_clip),
        )
        validation = self.dataset("val", observer=_Watch(bad_videos, lambda place: None))
        callbacks = [folder, BadVideoReport(bad_videos)]
        if self.devices.is_chief:
            callbacks += [
                progress,
                *self.tensorboard(validation, (end - first) * self.steps - batch),
            ]
        if batch == self.steps:
            self.validate(first, validation, callbacks)
            return
        warnings.filterwarnings(
            "ignore", "Your input ran out of data"
        )  # a validation without a bad video's batch
        try:
            self.model.fit(
                # One pass for all epochs: at the end of its data, a step of Keras still counts and decays (those of its
                # operations that need no clip run), and only then fails.
                self.devices.distribute(training.repeat(end - first).prefetch(BATCHES_AHEAD)),
                steps_per_epoch=self.steps - batch,
                validation_data=self.devices.distribute(validation),
                **{"epochs": end, "initial_epoch": first, "callbacks": callbacks},
                **{"shuffle": False, "verbose": 0},
            )
        except BaseException:
            progress.settle()
            raise

    def validate(self, epoch, validation, callbacks):
        """Ends an epoch of which all steps are done, as `model.fit` would."""
        callbacks = keras.callbacks.CallbackList(callbacks, model=self.model)
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(epoch)
        logs = self.model.get_metrics_result()
        found = self.model.evaluate(
            self.devices.distribute(validation), callbacks=callbacks, return_dict=True
        )
        callbacks.on_epoch_end(
            epoch, {**logs, **{f"val_{name}": value for name, value in found.items()}}
        )
        callbacks.on_train_end()

    def tensorboard(self, validation, steps):
        """Returns the callbacks that write for TensorBoard; a training of few steps has its last one profiled."""
        folder = self.output / "tensorboard"
        clips, labels = next(iter(validation))[:2]
        profiled = (
            tuple(min(step, steps) for step in _PROFILED_STEPS)
            if self.execution.profile and steps
            else 0
        )
        wrong = WrongClips(
            clips.numpy(), labels.numpy(), self.model.spec.labels, folder / "validation"
        )
        return [keras.callbacks.TensorBoard(folder, profile_batch=profiled), wrong]
