"""`tf.distribute` strategies for `model.fit`, and what Keras 3 needs before it trains with several workers.

Keras 3 (seen up to 3.15) fails under `MultiWorkerMirroredStrategy` in two places: `_maybe_symbolic_build` reduces a
whole distributed batch, and `reduce_per_replica` reduces scalars over axis 0. It also clips gradients before it adds
those of the replicas up. `prepared` and `clip_after_reduction` mend it; a test fails once Keras needs that no more.
"""

import contextlib
import dataclasses
import json
import os
import socket

import keras

from tsm_tf.data.epoch_order import Share
from tsm_tf.errors import InputError
from tsm_tf.training.step.parameter_groups import batch_norms

_SLURM_PORTS = range(20_000, 30_000)  # below those that a system gives to clients
_SLURM_TASKS = 16  # of a job on a node, that take ports in a row
_TPU_SECONDS = 60
STRATEGIES = ("auto", "mirrored", "multi_worker", "tpu", "none")


@dataclasses.dataclass(frozen=True)
class Devices:
    """Where a training runs: a `tf.distribute` strategy or None, and this process' share of each batch."""

    strategy: object = None
    share: Share = dataclasses.field(default_factory=Share)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.share.index == 0

    @property
    def has_replicas(self) -> bool:
        """Whether several devices have a model each; under `keras.distribution` they share one."""
        return self.strategy is not None and self.share.parts > 1

    def scope(self):
        """Returns the context in which the model is made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def distribute(self, dataset):
        """Returns a dataset whose batches are one device's each as one for `model.fit`."""
        if self.strategy:
            return self.strategy.distribute_datasets_from_function(lambda _: dataset)
        return (
            dataset if self.share.replicas == 1 else dataset.batch(self.share.replicas).map(_join)
        )

    def any(self, flag: bool) -> bool:
        """Tells all processes whether one of them says so; all have to ask at the same step."""
        return flag if self.share.count == 1 else self._mean(flag) > 0

    def agree_on(self, number: float) -> bool:
        """Tells whether all processes have the same number; all have to ask at the same step."""
        return self.share.count == 1 or abs(self._mean(number) - number) < 1e-9

    def _mean(self, number):
        import tensorflow as tf

        numbers = self.strategy.run(lambda: tf.constant(number, tf.float64))
        return float(self.strategy.reduce("MEAN", numbers, axis=None))

    def average_statistics(self, model: keras.Model) -> None:
        """Replaces the moving statistics of batch norms, which each replica has of its own clips, by their mean."""
        if not self.has_replicas:
            return
        import tensorflow as tf

        statistics = [
            v.value
            for layer in batch_norms(model)
            for v in (layer.moving_mean, layer.moving_variance)
        ]

        def average():
            means = tf.distribute.get_replica_context().all_reduce(
                "MEAN", [tf.identity(v) for v in statistics]
            )
            for variable, mean in zip(statistics, means, strict=True):
                variable.assign(mean)

        self.strategy.run(average)


def pick_devices(name: str = "auto") -> Devices:
    """Returns the devices to train on; to be called before TensorFlow does anything else.

    Args:
        name: `"mirrored"`, all GPUs of this machine (its logical CPUs where there is none); `"multi_worker"`, the
            processes that `TF_CONFIG` or Slurm's variables name; `"tpu"`, the one that `TPU_NAME` names; `"none"`, one
            device; `"auto"`, whichever of them is there. With Keras' JAX backend, `"auto"` and `"mirrored"` are all of
            JAX' devices, by `keras.distribution`.

    Raises:
        InputError: no such strategy, or nothing that names the workers or the TPU.
    """
    if name not in STRATEGIES:
        raise InputError("strategy", f"must be one of {', '.join(STRATEGIES)}", name)
    if keras.backend.backend() != "tensorflow":
        return _of_other_backend(name)
    import tensorflow as tf

    if name == "auto":
        gpus = tf.config.list_physical_devices("GPU")
        name = "multi_worker" if _resolver() else "tpu" if "TPU_NAME" in os.environ else "none"
        name = "mirrored" if name == "none" and len(gpus) > 1 else name
    if name == "none":
        return Devices()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        return Devices(strategy, Share(replicas=len(devices)))
    if name == "tpu":
        return _tpu(tf)
    resolver = _resolver()
    if resolver is None:
        rule = "must have the workers in TF_CONFIG, or be started by Slurm's srun"
        raise InputError("strategy", rule, os.environ.get("TF_CONFIG"))
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    count = strategy.extended._num_workers
    replicas = strategy.num_replicas_in_sync // count
    return Devices(strategy, Share(resolver.task_id if count > 1 else 0, count, replicas))


def _resolver():
    """Returns the cluster of which this process is a worker, or None."""
    import tensorflow as tf

    resolvers = tf.distribute.cluster_resolver
    if os.environ.get("TF_CONFIG"):
        try:
            workers = json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]
        except (ValueError, KeyError, TypeError):
            raise InputError(
                "TF_CONFIG", "must be JSON with cluster.worker and task", os.environ["TF_CONFIG"]
            ) from None
        return resolvers.TFConfigClusterResolver() if workers else None
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if tasks == 1:
        return None
    # It cannot do without GPUs, asks nvidia-smi for them, and has one port for all jobs: it tells who is where only.
    port = _SLURM_PORTS[int(os.environ.get("SLURM_JOB_ID", 0)) * _SLURM_TASKS % len(_SLURM_PORTS)]
    options = {"port_base": port, "gpus_per_node": tasks, "gpus_per_task": 1, "auto_set_gpu": False}
    slurm = resolvers.SlurmClusterResolver({"worker": tasks}, **options)
    gpus = len(tf.config.list_physical_devices("GPU"))
    options = {"rpc_layer": "grpc", "num_accelerators": {"GPU": gpus} if gpus else {}}
    return resolvers.SimpleClusterResolver(
        slurm.cluster_spec(), "", "worker", slurm.task_id, **options
    )


def _tpu(tf):
    try:
        address = tf.distribute.cluster_resolver.TPUClusterResolver().master()
        if address.startswith("grpc://"):  # TensorFlow would wait for ever where nobody answers
            host, _, port = address.removeprefix("grpc://").rpartition(":")
            socket.create_connection((host, int(port)), _TPU_SECONDS).close()
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
        strategy = tf.distribute.TPUStrategy(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        rule = f"must have a TPU to connect to, named by TPU_NAME ({str(error).splitlines()[0]})"
        raise InputError("strategy", rule, "tpu") from None
    return Devices(strategy, Share(replicas=strategy.num_replicas_in_sync))


def _of_other_backend(name):
    if name not in ("auto", "mirrored", "none"):
        raise InputError(
            "strategy",
            f"must be auto, mirrored or none with KERAS_BACKEND={keras.backend.backend()}",
            name,
        )
    if keras.backend.backend() != "jax" or name == "none":
        return Devices()
    names = keras.distribution.list_devices()
    if len(names) > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
    return Devices(share=Share(replicas=len(names)))


def _join(*batches):
    """Batches of several devices as one, which `keras.distribution` splits again; `[devices, B, ...]` each."""
    import tensorflow as tf

    return tuple(tf.reshape(batch, (-1, *batch.shape[2:])) for batch in batches)


@contextlib.contextmanager
def prepared(model: keras.Model, devices: Devices, batch):
    """A context in which a compiled model of several devices can be fitted.

    Args:
        model: made and compiled in the strategy's scope.
        devices: as of `pick_devices`.
        batch: one device's clips and labels (and weights), of which only shapes and types are used.
    """
    if keras.backend.backend() != "tensorflow":
        model._symbolic_build(
            data_batch=batch
        )  # or `fit` takes a batch to see its shape, and then the next epoch
    if devices.strategy is None:
        yield
        return
    from keras.src.backend.tensorflow import trainer

    with devices.scope():
        model._symbolic_build(data_batch=batch)
    model._maybe_symbolic_build = lambda **_: None
    original = trainer.reduce_per_replica

    def reduce_per_replica(values, strategy, reduction):
        if devices.share.count == 1 or reduction not in ("auto", "mean"):
            return original(values, strategy, reduction)
        return keras.tree.map_structure(lambda v: strategy.reduce("MEAN", v, axis=None), values)

    trainer.reduce_per_replica = reduce_per_replica
    try:
        yield
    finally:
        trainer.reduce_per_replica = original


def clip_after_reduction(optimizer: keras.optimizers.Optimizer) -> None:
    """Has an optimizer clip what all replicas' gradients sum up to, as one device with the whole batch would."""
    import tensorflow as tf

    reduce, limit = optimizer._all_reduce_sum_gradients, optimizer.global_clipnorm

    def reduce_and_clip(grads_and_vars):
        grads, variables = zip(*reduce(grads_and_vars), strict=True)
        # The norm's last bit depends on threads: the replicas take one value, or their weights would part.
        norm = tf.distribute.get_replica_context().all_reduce("MEAN", tf.linalg.global_norm(grads))
        scale = limit / tf.maximum(norm, limit)
        return [
            (gradient * scale, variable)
            for gradient, variable in zip(grads, variables, strict=True)
        ]

    if limit:
        optimizer._clip_gradients = lambda grads: grads
        optimizer._all_reduce_sum_gradients = reduce_and_clip
