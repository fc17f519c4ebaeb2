"""A step of a demo, which is a command, and the steps that both demos have."""

import dataclasses
import pathlib
import shlex
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the demo.

    Args:
        name: a name for people.
        arguments: the arguments of `python -m`.
        fresh: a folder that is emptied before the step is repeated, or None.
        optional: whether the demo continues if the step fails; the next run repeats it.
    """

    name: str
    arguments: tuple[str, ...]
    fresh: pathlib.Path | None = None
    optional: bool = False

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(("python", "-m", *self.arguments))

    @property
    def log(self) -> str:
        """The file with the step's output, relative to the demo's folder."""
        return f"logs/{self.name.replace(' ', '_')}.txt"


def render_step(
    name: str,
    module: str,
    data: pathlib.Path,
    num_train: int,
    num_val: int,
) -> Step:
    """Returns the step that renders videos.

    Args:
        name: see `Step`.
        module: what renders them, such as `"tsm_tf.data.synthetic"`.
        data: folder for the videos.
        num_train: number of training videos.
        num_val: number of validation videos.
    """
    arguments = (
        module,
        f"--output={data}",
        f"--num_train={num_train}",
        f"--num_val={num_val}",
    )
    return Step(name, arguments)


def export_step(name: str, checkpoint: pathlib.Path, model: pathlib.Path) -> Step:
    """Returns the step that exports an online model.

    Args:
        name: see `Step`.
        checkpoint: folder of the model.
        model: the file to write, which the export names; its folder is emptied first.
    """
    arguments = (
        "export.tflite",
        "--online",
        f"--checkpoint={checkpoint}",
        f"--output={model.parent}",
    )
    return Step(name, arguments, fresh=model.parent)


def benchmark_step(models: Iterable[pathlib.Path], output: pathlib.Path) -> Step:
    """Returns the step that measures the latency of exported files, into a folder of the demo."""
    arguments = (
        "export.benchmark",
        f"--models={','.join(map(str, models))}",
        f"--output={output / 'benchmark'}",
    )
    return Step("measure latency", arguments)
