"""What a model costs, by its graph: parameters, multiply-adds, data moved by the shifts, caches of the streaming form.

python -m tsm_tf.analysis.cost --backbone=resnet50 --num_classes=400
"""

import dataclasses
import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.catalogue import known_backbones
from tsm_tf.errors import InputError
from tsm_tf.files import write_csv
from tsm_tf.spec import SHIFT_MODES, SHIFT_PLACES, ModelSpec


@dataclasses.dataclass(frozen=True)
class ModelCost:
    """The cost of a model for one clip; the sums of its `layers`, one `LayerCost` a call.

    Attributes:
        layers: in an order in which they can be computed.
        frames: frames of the clip; 1 for a model of images.
    """

    layers: tuple
    frames: int

    def total(self, name: str) -> int:
        """Returns the sum of an attribute over the layers, without those that cannot be told."""
        return sum(getattr(layer, name) or 0 for layer in self.layers)

    @property
    def cache_bytes(self) -> int | None:
        """Bytes of all caches of one stream; None if a layer cannot stream."""
        return (
            None
            if any(layer.cache_bytes is None for layer in self.layers)
            else self.total("cache_bytes")
        )

    @property
    def uncounted(self) -> list[str]:
        """Name and class of the layers whose multiply-adds cannot be told, and are in no sum."""
        return [
            f"{layer.layer} ({layer.kind})" for layer in self.layers if layer.multiply_adds is None
        ]

    @property
    def moved_of_shifted(self) -> float:
        """Share of the elements that the shifts take which they move; 0 without shifts."""
        return self._moved_of(lambda layer: layer.moved)

    @property
    def moved_of_all(self) -> float:
        """Moved elements over those that all layers with multiply-adds take, padding included; 0 without shifts."""
        return self._moved_of(lambda layer: layer.multiply_adds)

    def _moved_of(self, takes):
        return self.total("moved") / max(
            1, sum(layer.inputs for layer in self.layers if takes(layer))
        )


def model_cost(model) -> ModelCost:
    """Counts what a model costs; it is not run, and stays as it is.

    Args:
        model: a functional or sequential Keras model of clips `[B, T, H, W, C]` or images `[B, H, W, C]` (any other
            input is taken for one frame); models nested in it are opened. One row of its batch is counted, or the
            rows of one clip where the frames of clips are the batch (`num_segments` of a layer).

    Returns:
        The cost. A layer that is called twice has two entries, and its parameters in the first. What
        `layer_cost.multiply_adds` has no rule for counts 0 if it owns no weights, and is in `uncounted` if it does.

    Raises:
        InputError: a model whose graph is not known (a subclass), or inputs of unknown height, width or channels.
    """
    from tsm_tf.analysis.layer_cost import call_cost
    from tsm_tf.keras_internals import is_functional
    from tsm_tf.models.graph import calls, forget, inline

    if not is_functional(model):
        raise InputError(
            "model",
            "must be a functional or sequential Keras model that is built",
            type(model).__name__,
        )
    shapes = [tuple(x.shape) for x in model.inputs]
    if any(None in shape[1:] for shape in shapes):
        raise InputError("model", "must have inputs whose shape is known but for the batch", shapes)
    frames, rows = next((shape[1] for shape in shapes if len(shape) == 5), None), 1
    if frames is None:
        flat = inline(model)
        frames = rows = max(
            (getattr(node.operation, "num_segments", 1) for node in calls(flat)), default=1
        )
        forget(flat)
    flat = inline(model, rows)
    seen = set()
    layers = tuple(call_cost(node, seen) for node in calls(flat))
    forget(flat)
    return ModelCost(layers, frames)


def summary(cost: ModelCost) -> str:
    """Returns the lines that the command prints."""
    per_clip = cost.total("multiply_adds")
    cache = (
        "none: this model cannot stream"
        if cost.cache_bytes is None
        else f"{cost.cache_bytes:,} bytes in float32"
    )
    lines = [
        f"parameters               {cost.total('parameters'):,}",
        f"multiply-adds a frame    {per_clip / cost.frames / 1e6:,.1f} M",
        f"multiply-adds a clip     {per_clip / 1e9:,.2f} G ({cost.frames} frames)",
        f"moved by the shifts      {cost.moved_of_shifted:.1%} of what they take,"
        f" {cost.moved_of_all:.1%} of what all convolutions and dense layers take",
        f"caches of a stream       {cache}",
    ]
    return "\n".join([*lines, *(f"NOT COUNTED: {layer}" for layer in cost.uncounted)])


def table(cost: ModelCost) -> str:
    """Returns a line for each call that has weights, multiplies or moves."""
    row = "{:<28} {:<22} {:<20} {:>11} {:>14} {:>11}".format
    lines = [row("layer", "kind", "output", "parameters", "multiply-adds", "moved")]
    for layer in cost.layers:
        if layer.parameters or layer.multiply_adds != 0 or layer.moved:
            multiply_adds = "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}"
            numbers = f"{layer.parameters:,}", multiply_adds, f"{layer.moved:,}"
            lines.append(row(layer.layer, layer.kind, "x".join(map(str, layer.output)), *numbers))
    return "\n".join(lines)


def _rows(cost):
    return [{**vars(layer), "output": "x".join(map(str, layer.output))} for layer in cost.layers]


_SPEC_FLAGS = (
    *("backbone", "shift_mode", "shift_place", "width", "non_local", "temporal_pool"),
    *("num_classes", "num_segments", "input_size", "shift_div"),
)


def define_flags():
    """Defines the command's flags."""
    fresh = "Default: ModelSpec's; with --checkpoint, its spec says this."
    flags.DEFINE_string(
        "checkpoint", None, "Checkpoint folder, or a training run's, whose model is counted."
    )
    flags.DEFINE_string("backbone", None, f"{known_backbones()}. {fresh}")
    flags.DEFINE_enum("shift_mode", None, SHIFT_MODES, fresh)
    flags.DEFINE_enum("shift_place", None, SHIFT_PLACES, fresh)
    flags.DEFINE_float("width", None, fresh)
    for name in ("non_local", "temporal_pool"):
        flags.DEFINE_bool(name, None, fresh)
    for name in ("num_classes", "num_segments", "input_size", "shift_div"):
        flags.DEFINE_integer(name, None, fresh)
    flags.DEFINE_bool("layers", False, "Print every layer that has weights, multiplies or moves.")
    flags.DEFINE_string(
        "output", None, "Folder for cost.csv, with a line for each call of a layer."
    )


def main():
    """Counts, prints, writes the CSV."""
    values = flags.FLAGS
    choices = {name: values[name].value for name in _SPEC_FLAGS if values[name].value is not None}
    if values.checkpoint and choices:
        raise InputError(
            "checkpoint", f"decides --{', --'.join(choices)}; leave them out", values.checkpoint
        )
    spec = ModelSpec(**choices)  # before Keras takes its seconds to load
    from tsm_tf.models.clip import build_model
    from tsm_tf.weights.checkpoint import load_spec

    cost = model_cost(build_model(load_spec(values.checkpoint) if values.checkpoint else spec))
    if values.layers:
        print(table(cost))
    print(summary(cost))
    if values.output is not None:
        path = pathlib.Path(values.output) / "cost.csv"
        write_csv(path, _rows(cost))
        print(f"written to {path}")


if __name__ == "__main__":
    cli.run(main, define_flags)
