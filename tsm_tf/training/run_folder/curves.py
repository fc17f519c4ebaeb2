"""A run's history for people: `log.csv` and `curves.png`."""

import pathlib
from collections.abc import Mapping, Sequence

from tsm_tf.files import replacing, write_csv

LOG_FILE = "log.csv"
CURVES_FILE = "curves.png"
_TITLES = {"accuracy": "top-1"}
_FIRST, _LAST = ("epoch",), ("learning_rate", "seconds")


def write_log(history: Sequence[Mapping[str, float]], path: pathlib.Path) -> None:
    """Writes one row per epoch: its number, losses, metrics, learning rate and seconds."""
    metrics = set(history[0]) - {*_FIRST, *_LAST}
    # Training before validation, each with its loss first.
    ordered = sorted(metrics, key=lambda n: (n.startswith("val_"), not n.endswith("loss"), n))
    write_csv(path, history, (*_FIRST, *ordered, *_LAST))


def plot_curves(
    history: Sequence[Mapping[str, float]],
    path: pathlib.Path,
    metric: str = "accuracy",
) -> None:
    """Draws the loss and a metric over the epochs as a PNG, of training and validation.

    A metric may be that of the validation alone.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", metric), strict=True):
        for prefix, label in (("", "training"), ("val_", "validation")):
            if prefix + name in history[0]:
                values = [row[prefix + name] for row in history]
                axes.plot(epochs, values, marker=".", label=label)
        axes.set(title=_TITLES.get(name, name), xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
