"""Runs the project's benchmarks, in parts; each part is one or more commands.

    python -m benchmarks.run
    python -m benchmarks.run --parts=size_latency
    python -m benchmarks.run --parts=training_step --torch_python=.venv-torch/bin/python
    python -m benchmarks.run --parts=litert_torch_latency \\
      --torch_python=.venv-litert-torch/bin/python

Ratios compare models that take turns on the same machine, so they hold on similar machines too.
Absolute times are those of one machine. The results are CSV and PNG files in `benchmarks/results/`.
"""

import dataclasses
import pathlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from absl import flags

from benchmarks import fresh_detectors
from benchmarks.results import RESULTS
from tsm_tf import cli
from tsm_tf.errors import InputError

ROOT = pathlib.Path(__file__).parent.parent

BACKBONES = (
    "resnet50",
    "mobilenet_v2",
    "keras:MobileNetV2",
    "keras:MobileNetV3Small",
    "keras:EfficientNetB0",
    "keras:EfficientNetV2B0",
    "keras:ResNet50V2",
)


@dataclasses.dataclass(frozen=True)
class Size:
    """A network on the curve of latency over multiply-adds."""

    backbone: str
    width: float
    input_size: int


SIZES = (
    Size("mobilenet_v2", 1.0, 160),
    Size("mobilenet_v2", 0.75, 192),
    Size("mobilenet_v2", 0.5, 224),
    Size("mobilenet_v2", 0.5, 160),
    Size("mobilenet_v2", 0.35, 160),
    Size("keras:MobileNetV3Small", 1.0, 224),
    Size("mobilenet_v2", 1.0, 224),  # last: the others' times are relative to it
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all parts share.

    Args:
        work: folder for exported models and videos; each part has its own folder in it.
        output: folder for the results.
        torch_python: interpreter with PyTorch, or with litert-torch; empty leaves PyTorch out.
    """

    work: pathlib.Path
    output: pathlib.Path = RESULTS
    torch_python: str = ""


Command = tuple[str, ...]
"""A module and its flags."""


def _measure_files(name: str, models: Sequence[pathlib.Path], settings: Settings) -> Command:
    """Returns the command that lets TFLite files, or folders of them, take turns."""
    return (
        "benchmarks.tflite_latency",
        f"--name={name}",
        f"--models={','.join(map(str, models))}",
        f"--output={settings.output}",
    )


def keras_clip_latency(settings: Settings) -> list[Command]:
    """TSM against TSN in Keras, for every backbone."""
    return [
        (
            "benchmarks.keras_clip_latency",
            f"--backbones={','.join(BACKBONES)}",
            f"--output={settings.output}",
        )
    ]


def tflite_clip_latency(settings: Settings) -> list[Command]:
    """Clips of TSM against TSN, as TFLite files."""
    commands: list[Command] = []
    for backbone in ("resnet50", "mobilenet_v2"):
        work = settings.work / "tflite_clip_latency" / backbone
        tsm, tsn = work / "tsm", work / "tsn"
        export = ("export.tflite", f"--backbone={backbone}", "--variants=float32")
        commands += [
            (*export, "--shift_mode=bidirectional", f"--output={tsm}"),
            (*export, "--shift_mode=none", f"--output={tsn}"),
            _measure_files(f"tflite_clip_latency_{backbone}", [tsm, tsn], settings),
        ]
    return commands


def shift_latency(settings: Settings) -> list[Command]:
    """Online TSM against the plain 2D network, as TFLite files."""
    commands: list[Command] = []
    for backbone, variants in (("mobilenet_v2", ("int8", "float32")), ("resnet50", ("float32",))):
        work = settings.work / "shift_latency" / backbone
        tsm, plain = work / "tsm", work / "plain_2d"
        models = [tsm, *(plain / f"{backbone}_online_{variant}.tflite" for variant in variants)]
        export = (
            "export.tflite",
            "--online",
            f"--backbone={backbone}",
            f"--variants={','.join(variants)}",
        )
        commands += [
            (*export, f"--output={tsm}"),
            (*export, "--shift_mode=none", f"--output={plain}"),
            _measure_files(f"shift_latency_{backbone}", models, settings),
        ]
    return commands


def detector_latency(settings: Settings) -> list[Command]:
    """Online TSM in R-FCN against R-FCN on single frames, as TFLite files."""
    work = settings.work / "detector_latency"
    checkpoints, files = work / "checkpoints", work / "files"
    exports = [
        (
            "export.tflite",
            "--online",
            "--num_videos=2",
            f"--checkpoint={checkpoints / name}",
            f"--output={files / name}",
        )
        for name in fresh_detectors.NAMES
    ]
    models = [files / name for name in fresh_detectors.NAMES]
    measurement = _measure_files("detector_latency", models, settings)
    return [("benchmarks.fresh_detectors", f"--output={checkpoints}"), *exports, measurement]


def size_latency(settings: Settings) -> list[Command]:
    """Online networks of several sizes, as TFLite files."""
    work = settings.work / "size_latency"
    folders = [work / size.backbone / str(size.width) / str(size.input_size) for size in SIZES]

    commands = [
        (
            "export.tflite",
            "--online",
            "--variants=float32",
            f"--backbone={size.backbone}",
            f"--width={size.width}",
            f"--input_size={size.input_size}",
            f"--output={folder}",
        )
        for size, folder in zip(SIZES, folders, strict=True)
    ]
    return [*commands, (*_measure_files("size_latency", folders, settings), "--curve")]


def training_input(settings: Settings) -> list[Command]:
    """The training input against a bare decoding loop."""
    data = settings.work / "training_input"
    return [
        ("tsm_tf.data.synthetic", "--num_train=180", "--num_val=9", f"--output={data}"),
        ("benchmarks.training_input", f"--data={data}", f"--output={settings.output}"),
    ]


def training_step(settings: Settings) -> list[Command]:
    """Training steps against TSN, the original in PyTorch, and two workers."""
    return [
        (
            "benchmarks.training_step",
            f"--torch_python={settings.torch_python}",
            f"--output={settings.output}",
        )
    ]


def litert_torch_latency(settings: Settings) -> list[Command]:
    """Files against those that litert-torch makes of the original, in float32 and int8."""
    work = settings.work / "litert_torch_latency"
    online, clip = work / "online", work / "clip"
    # As many classes as the original on Something-Something-V1, which `original_files.py` has.
    export = ("export.tflite", "--num_classes=174", "--variants=float32,int8")
    return [
        (*export, "--online", "--backbone=mobilenet_v2", f"--output={online}"),
        (*export, "--backbone=resnet50", "--shift_mode=bidirectional", f"--output={clip}"),
        (
            "benchmarks.litert_torch_latency",
            f"--ours={online},{clip}",
            f"--theirs={work / 'theirs'}",
            f"--torch_python={settings.torch_python}",
            f"--output={settings.output}",
        ),
    ]


def networks_latency(settings: Settings) -> list[Command]:
    """The networks that the paper compares with, against TSM ResNet-50."""
    return [("benchmarks.networks_latency", f"--output={settings.output}")]


PARTS: dict[str, Callable[[Settings], list[Command]]] = {
    part.__name__: part
    for part in (
        keras_clip_latency,
        tflite_clip_latency,
        shift_latency,
        size_latency,
        detector_latency,
        training_input,
        training_step,
        litert_torch_latency,
        networks_latency,
    )
}
# These take 10 minutes and more, or need environments of their own, with PyTorch and litert-torch.
_LONG = ("training_step", "litert_torch_latency", "networks_latency")
_DEFAULT = [name for name in PARTS if name not in _LONG]


def run_part(name: str, settings: Settings) -> None:
    """Runs the commands of a part; its folder in `settings.work` is emptied first.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    shutil.rmtree(settings.work / name, ignore_errors=True)

    for module, *arguments in PARTS[name](settings):
        command = [sys.executable, "-m", module, *arguments]
        print(f"\n{name}: python {shlex.join(command[1:])}", flush=True)
        subprocess.run(command, check=True, cwd=ROOT)


def define_flags():
    flags.DEFINE_list("parts", _DEFAULT, f"Parts to run, from {', '.join(PARTS)}.")
    flags.DEFINE_string("work", str(ROOT / "build" / "bench"), "Folder for intermediate files.")
    flags.DEFINE_string("output", str(RESULTS), "Folder for the results.")
    flags.DEFINE_string(
        "torch_python",
        "",
        "Interpreter with torch and torchvision, for training_step, or with litert-torch, for "
        "litert_torch_latency. Default: without PyTorch.",
    )


def main():
    values = flags.FLAGS
    unknown = [name for name in values.parts if name not in PARTS]
    if unknown:
        raise InputError("parts", f"must be from {', '.join(PARTS)}", unknown[0])

    settings = Settings(
        work=pathlib.Path(values.work).absolute(),
        output=pathlib.Path(values.output).absolute(),
        torch_python=values.torch_python and str(pathlib.Path(values.torch_python).absolute()),
    )
    for name in values.parts:
        try:
            run_part(name, settings)
        except subprocess.CalledProcessError as error:  # it has reported why
            sys.exit(error.returncode)


if __name__ == "__main__":
    cli.run(main, define_flags)
