"""The devices of a model: `tf.distribute` strategies, or `keras.distribution` with JAX."""

import contextlib
import dataclasses
import json
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tsm_tf.data.epoch_order import Share
from tsm_tf.errors import InputError
from tsm_tf.execution import STRATEGIES
from tsm_tf.spec_checks import check_choice

_SLURM_PORTS = range(20_000, 30_000)  # below the ports that systems give to clients
_SLURM_TASKS = 16  # tasks per job and node, which use consecutive ports
_TPU_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Devices:
    """Where a model is trained or evaluated.

    Args:
        strategy: a `tf.distribute` strategy, or None.
        share: the part of each batch that this process computes.
    """

    strategy: Any = None
    share: Share = dataclasses.field(default_factory=Share)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the output folder."""
        return self.share.index == 0

    @property
    def has_replicas(self) -> bool:
        """Whether several devices each have a copy of the model.

        Devices under `keras.distribution` share one model.
        """
        return self.strategy is not None and self.share.parts > 1

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the context in which to build the model."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def distribute(self, dataset: Any) -> Any:
        """Returns a dataset for `model.fit`, from one whose batches are for one device each."""
        if self.strategy:
            return self.strategy.distribute_datasets_from_function(lambda _: dataset)
        if self.share.replicas == 1:
            return dataset
        return dataset.batch(self.share.replicas).map(_join)

    def any(self, flag: bool) -> bool:
        """Returns whether the flag is set in any process; all processes must call it together."""
        return flag if self.share.count == 1 else self._mean(flag) > 0

    def agree_on(self, number: float) -> bool:
        """Returns whether all processes have the same number; all must call it together."""
        return self.share.count == 1 or abs(self._mean(number) - number) < 1e-9

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Returns the sum of arrays over all processes; all must call it together.

        Raises:
            InputError: another worker was lost.
        """
        if self.share.count == 1:
            return values
        import tensorflow as tf

        def part():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return tf.constant(values if replica % self.share.replicas == 0 else 0 * values)

        try:
            return self.strategy.reduce("SUM", self.strategy.run(part), axis=None).numpy()
        except tf.errors.OpError as error:
            raise (self.lost_worker(error) or error) from None

    def lost_worker(self, error: Exception) -> InputError | None:
        """Returns the error to raise instead of one from TensorFlow if another worker was lost."""
        import tensorflow as tf

        lost = (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.DeadlineExceededError,
            tf.errors.CancelledError,
        )
        if self.share.count == 1 or not isinstance(error, lost):
            return None
        rule = "lost a worker; restart all workers with the same command to resume"
        return InputError("strategy", rule, str(error).splitlines()[0])

    def _mean(self, number):
        import tensorflow as tf

        numbers = self.strategy.run(lambda: tf.constant(number, tf.float64))
        return float(self.strategy.reduce("MEAN", numbers, axis=None))

    def average_statistics(self, layers: Sequence[keras.layers.BatchNormalization]) -> None:
        """Averages batch norms' moving statistics over the replicas, which see different clips."""
        if not self.has_replicas:
            return
        import tensorflow as tf

        statistics = []
        for layer in layers:
            statistics += [layer.moving_mean.value, layer.moving_variance.value]

        def average():
            values = [tf.identity(v) for v in statistics]
            means = tf.distribute.get_replica_context().all_reduce("MEAN", values)
            for variable, mean in zip(statistics, means, strict=True):
                variable.assign(mean)

        self.strategy.run(average)


@contextlib.contextmanager
def precision(name: str | None) -> Iterator[None]:
    """Context manager in which new layers compute in a type of `PRECISIONS`; None: no change."""
    before = keras.config.dtype_policy()
    if name:
        keras.config.set_dtype_policy(f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def pick_devices(name: str = "auto") -> Devices:
    """Returns the devices to use. Call it before TensorFlow does anything else.

    Args:
        name: `"mirrored"`: all GPUs of this machine, or its logical CPUs if it has none;
            `"multi_worker"`: the processes in `TF_CONFIG` or in Slurm's variables; `"tpu"`: the TPU
            in `TPU_NAME`; `"none"`: one device; `"auto"`: the first of `"multi_worker"`, `"tpu"`
            and several GPUs that is available, or one device. With Keras' JAX backend, `"auto"`
            and `"mirrored"` use all JAX devices through `keras.distribution`.

    Raises:
        InputError: an unknown strategy, or nothing that names the workers or the TPU.
    """
    check_choice("strategy", name, STRATEGIES)
    if keras.backend.backend() != "tensorflow":
        return _devices_of_other_backend(name)
    import tensorflow as tf

    name = _available_strategy(tf) if name == "auto" else name
    if name == "none":
        return Devices()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        return Devices(strategy, Share(replicas=len(devices)))
    if name == "tpu":
        return _connect_tpu(tf)
    return _join_workers(tf)


def _available_strategy(tf):
    if _find_cluster(tf):
        return "multi_worker"
    if "TPU_NAME" in os.environ:
        return "tpu"
    return "mirrored" if len(tf.config.list_physical_devices("GPU")) > 1 else "none"


def _join_workers(tf):
    resolver = _find_cluster(tf)
    if resolver is None:
        rule = "must have the workers in TF_CONFIG, or be started by Slurm's srun"
        raise InputError("strategy", rule, os.environ.get("TF_CONFIG"))
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    replicas = len(strategy.extended.worker_devices)
    count = strategy.num_replicas_in_sync // replicas
    return Devices(strategy, Share(resolver.task_id if count > 1 else 0, count, replicas))


def _find_cluster(tf):
    """Returns the resolver of the cluster in which this process is a worker, or None."""
    if os.environ.get("TF_CONFIG"):
        return _cluster_from_tf_config(tf)
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    return _cluster_from_slurm(tf, tasks) if tasks > 1 else None


def _cluster_from_tf_config(tf):
    try:
        workers = json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]
    except (ValueError, KeyError, TypeError):
        rule = "must be JSON with cluster.worker and task"
        raise InputError("TF_CONFIG", rule, os.environ["TF_CONFIG"]) from None
    return tf.distribute.cluster_resolver.TFConfigClusterResolver() if workers else None


def _cluster_from_slurm(tf, tasks):
    # SlurmClusterResolver needs GPUs, asks nvidia-smi for them, and uses one port for all jobs. So
    # it only finds the addresses and this task's number; the rest is given.
    job = int(os.environ.get("SLURM_JOB_ID", 0))
    slurm = tf.distribute.cluster_resolver.SlurmClusterResolver(
        {"worker": tasks},
        port_base=_SLURM_PORTS[job * _SLURM_TASKS % len(_SLURM_PORTS)],
        gpus_per_node=tasks,
        gpus_per_task=1,
        auto_set_gpu=False,
    )
    gpus = len(tf.config.list_physical_devices("GPU"))
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        slurm.cluster_spec(),
        master="",
        task_type="worker",
        task_id=slurm.task_id,
        num_accelerators={"GPU": gpus} if gpus else {},
        rpc_layer="grpc",
    )


def _connect_tpu(tf):
    resolvers = tf.distribute.cluster_resolver
    try:
        address = resolvers.TPUClusterResolver().master()
        if address.startswith("grpc://"):  # TensorFlow would wait forever if there is no answer
            host, _, port = address.removeprefix("grpc://").rpartition(":")
            socket.create_connection((host, int(port)), _TPU_SECONDS).close()
        strategy = tf.distribute.TPUStrategy(resolvers.TPUClusterResolver.connect())
    except (ValueError, OSError, tf.errors.OpError) as error:
        rule = f"must have a TPU to connect to, named by TPU_NAME ({str(error).splitlines()[0]})"
        raise InputError("strategy", rule, "tpu") from None
    return Devices(strategy, Share(replicas=strategy.num_replicas_in_sync))


def _devices_of_other_backend(name):
    backend = keras.backend.backend()
    if name not in ("auto", "mirrored", "none"):
        rule = f"must be auto, mirrored or none with KERAS_BACKEND={backend}"
        raise InputError("strategy", rule, name)
    if backend != "jax" or name == "none":
        return Devices()
    names = keras.distribution.list_devices()
    if len(names) > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
    return Devices(share=Share(replicas=len(names)))


def _join(*batches):
    """Joins the batches of several devices; `keras.distribution` splits them again.

    Each is `[devices, B, ...]`.
    """
    import tensorflow as tf

    return tuple(tf.reshape(batch, (-1, *batch.shape[2:])) for batch in batches)
