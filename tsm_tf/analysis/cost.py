"""Counts what a model costs: parameters, multiply-adds, moved data, and caches when streaming.

python -m tsm_tf.analysis.cost --backbone=resnet50 --num_classes=400

The numbers follow from the model's graph; the model is not run.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from absl import flags

from tsm_tf import cli, spec_flags
from tsm_tf.errors import InputError
from tsm_tf.files import write_csv
from tsm_tf.spec import ModelSpec

if TYPE_CHECKING:
    import keras

    from tsm_tf.analysis.layer_cost import LayerCost

_BOXES = "boxes"  # an input for any number of them
NUM_BOXES = 10
"""Boxes per time step of models that take boxes, as in Wang and Gupta 2018."""


@dataclasses.dataclass(frozen=True)
class ModelCost:
    """The cost of a model for one clip.

    Attributes:
        layers: one `LayerCost` per call of a layer, in an order in which they can be computed.
        frames: frames of the clip; 1 for an image model.
    """

    layers: "tuple[LayerCost, ...]"
    frames: int

    def total(self, name: str) -> int:
        """Returns the sum of an attribute over the layers; unknown values count 0."""
        return sum(getattr(layer, name) or 0 for layer in self.layers)

    @property
    def cache_bytes(self) -> int | None:
        """Bytes of all caches of one stream; None if a layer cannot stream."""
        if any(layer.cache_bytes is None for layer in self.layers):
            return None
        return self.total("cache_bytes")

    @property
    def uncounted(self) -> list[str]:
        """Name and class of each layer whose multiply-adds are unknown, and so in no sum."""
        return [
            f"{layer.layer} ({layer.kind})" for layer in self.layers if layer.multiply_adds is None
        ]

    @property
    def moved_of_shifted(self) -> float:
        """Moved elements relative to all input elements of the shifts; 0 without shifts."""
        return self._moved_share([layer for layer in self.layers if layer.moved])

    @property
    def moved_of_all(self) -> float:
        """Moved elements relative to the input elements of all layers that multiply.

        Padding counts as moved. 0 without shifts.
        """
        return self._moved_share([layer for layer in self.layers if layer.multiply_adds])

    def _moved_share(self, layers):
        return self.total("moved") / max(1, sum(layer.inputs for layer in layers))


def model_cost(model: "keras.Model") -> ModelCost:
    """Counts what a model costs; the model is neither run nor changed.

    Args:
        model: a functional or sequential Keras model of clips `[B, T, H, W, C]` or images
            `[B, H, W, C]` (any other input counts as one frame), which may contain other models.
            The cost is that of one row of the batch. If the batch holds the frames of clips (a
            layer has `num_segments`), it is that of the rows of one clip. Of a model that takes
            boxes, it is the cost with ten boxes per time step.

    Returns:
        The cost. A layer that is called twice has two entries; its parameters are in the first.
        See `layer_cost.multiply_adds` for layers that it does not know.

    Raises:
        InputError: the model has no known graph (it is a subclass), or the height, width or
            channels of an input are unknown.
    """
    from tsm_tf.analysis.layer_cost import call_cost
    from tsm_tf.keras_internals import is_functional
    from tsm_tf.models.graph import calls, forget, inline

    if not is_functional(model):
        rule = "must be a functional or sequential Keras model that is built"
        raise InputError("model", rule, type(model).__name__)

    shapes = [tuple(x.shape) for x in model.inputs]
    unknown = [None in x.shape[1:] and x.name != _BOXES for x in model.inputs]
    if any(unknown):
        raise InputError("model", "must have inputs with known shapes except the batch", shapes)

    frames = next((shape[1] for shape in shapes if len(shape) == 5), None)
    rows = 1
    if frames is None:
        frames = rows = _frames_in_batch(model)

    flat = inline(model, rows, NUM_BOXES)
    seen: set[int] = set()
    layers = tuple(call_cost(node, seen) for node in calls(flat))
    forget(flat)
    return ModelCost(layers, frames)


def _frames_in_batch(model):
    """Returns how many rows of the batch are the frames of one clip."""
    from tsm_tf.models.graph import calls, forget, inline

    flat = inline(model)
    frames = max((getattr(node.operation, "num_segments", 1) for node in calls(flat)), default=1)
    forget(flat)
    return frames


def summary(cost: ModelCost) -> str:
    """Returns the totals as lines of text."""
    per_clip = cost.total("multiply_adds")
    cache = "none: this model cannot stream"
    if cost.cache_bytes is not None:
        cache = f"{cost.cache_bytes:,} bytes in float32"

    lines = [
        f"parameters               {cost.total('parameters'):,}",
        f"multiply-adds per frame  {per_clip / cost.frames / 1e6:,.1f} M",
        f"multiply-adds per clip   {per_clip / 1e9:,.2f} G ({cost.frames} frames)",
        f"moved by the shifts      {cost.moved_of_shifted:.1%} of their inputs,"
        f" {cost.moved_of_all:.1%} of the inputs of all convolutions and dense layers",
        f"caches per stream        {cache}",
    ]
    lines += [f"NOT COUNTED: {layer}" for layer in cost.uncounted]
    return "\n".join(lines)


def table(cost: ModelCost) -> str:
    """Returns one line per call that has weights, multiplies or moves."""
    row = "{:<28} {:<22} {:<20} {:>11} {:>14} {:>11}".format
    lines = [row("layer", "kind", "output", "parameters", "multiply-adds", "moved")]

    for layer in cost.layers:
        if layer.parameters or layer.multiply_adds != 0 or layer.moved:
            multiply_adds = "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}"
            line = row(
                layer.layer,
                layer.kind,
                _join(layer.output),
                f"{layer.parameters:,}",
                multiply_adds,
                f"{layer.moved:,}",
            )
            lines.append(line)
    return "\n".join(lines)


def _join(shape):
    return "x".join(map(str, shape))


def define_flags():
    flags.DEFINE_string(
        "checkpoint",
        None,
        "Checkpoint folder, folder of a training run, or preset:NAME, whose model is counted.",
    )
    spec_flags.define(spec_flags.FIELDS, "Not allowed with --checkpoint.")
    flags.DEFINE_bool("layers", False, "Print every layer that has weights, multiplies or moves.")
    flags.DEFINE_string("output", None, "Folder for cost.csv, with one line per call of a layer.")


def main():
    values = flags.FLAGS
    fields = spec_flags.read(spec_flags.FIELDS)
    if values.checkpoint and fields:
        rule = f"determines --{', --'.join(fields)}; omit these flags"
        raise InputError("checkpoint", rule, values.checkpoint)
    spec = ModelSpec(**fields)  # reports a bad field before Keras is loaded

    from tsm_tf.models.clip import build_model
    from tsm_tf.weights.checkpoint import load_spec
    from tsm_tf.weights.presets.load import resolve_checkpoint

    if values.checkpoint:
        spec = load_spec(resolve_checkpoint(values.checkpoint))
    cost = model_cost(build_model(spec))

    if values.layers:
        print(table(cost))
    print(summary(cost))

    if values.output is not None:
        path = pathlib.Path(values.output) / "cost.csv"
        rows = [{**vars(layer), "output": _join(layer.output)} for layer in cost.layers]
        write_csv(path, rows)
        print(f"written to {path}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
