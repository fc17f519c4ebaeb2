"""The steps of the demo of detection: each is a command."""

import dataclasses
import pathlib

from export.demo.step import Step, benchmark_step, export_step, render_step

START = "start"
"""The detector of single frames from which the others start."""

PER_FRAME, TSM, FGFA = "per_frame", "tsm", "fgfa"
TRAINING = {
    # flags of the training of each detector
    PER_FRAME: ("--recipe=shapes", "--shift_mode=none"),
    TSM: ("--recipe=shapes", "--shift_mode=unidirectional"),
    FGFA: ("--recipe=shapes_fgfa",),
}
STREAMED = (TSM, PER_FRAME)
"""Detectors that run one frame at a time, and are exported."""

LAST = "last"
"""The folder of a run with the weights after the last epoch; the best are chosen by validation."""


@dataclasses.dataclass(frozen=True)
class Size:
    """How much the demo computes.

    Args:
        num_train: number of training videos to render.
        num_val: number of validation videos to render.
        start_epochs: epochs of the detector from which the others start.
        epochs: further epochs of each detector.
        unseen_frames: frames of the video that is streamed.
    """

    num_train: int
    num_val: int
    start_epochs: int
    epochs: int
    unseen_frames: int


FULL = Size(num_train=400, num_val=60, start_epochs=7, epochs=6, unseen_frames=120)
QUICK = Size(num_train=12, num_val=4, start_epochs=1, epochs=1, unseen_frames=24)


def plan(output: pathlib.Path, size: Size, with_fgfa: bool = False, seed: int = 0) -> list[Step]:
    """Returns the steps before the page.

    Args:
        output: the demo's folder.
        size: how much to compute.
        with_fgfa: also trains and evaluates FGFA.
        seed: the seed of the trainings.
    """
    data = output / "data"
    names = names_of(with_fgfa)
    renderer = ("render videos with boxes", "tsm_tf.detection.data.synthetic")
    steps = [
        render_step(*renderer, data, size.num_train, size.num_val),
        _train_step(START, output, size.start_epochs, seed),
    ]
    steps += [_train_step(name, output, size.epochs, seed) for name in names]
    steps.append(_evaluate_step(output, with_fgfa))

    models = {name: model_path(output, name) for name in STREAMED}
    steps += [
        export_step(f"export {name}", output / name / LAST, path) for name, path in models.items()
    ]
    return [*steps, *_live_steps(output, size), benchmark_step(models.values(), output)]


def names_of(with_fgfa: bool) -> tuple[str, ...]:
    """Returns the detectors that are compared."""
    return (PER_FRAME, TSM, FGFA) if with_fgfa else (PER_FRAME, TSM)


def evaluation_folder(with_fgfa: bool) -> str:
    """Returns the folder of the evaluation; each has its own, so that FGFA can be added later."""
    return "evaluation_with_fgfa" if with_fgfa else "evaluation"


def model_path(output: pathlib.Path, name: str) -> pathlib.Path:
    """Returns the exported file of one of `STREAMED`."""
    return output / "export" / name / "resnet_small_rfcn_online_float32.tflite"


def _train_step(name, output, epochs, seed):
    arguments = (
        "tsm_tf.detection.training",
        f"--data={output / 'data'}",
        f"--output={output / name}",
        *TRAINING.get(name, TRAINING[PER_FRAME]),
        f"--epochs={epochs}",
        f"--seed={seed}",
        *(() if name == START else (f"--init={output / START / LAST}",)),
    )
    return Step(f"train {name}", arguments)


def _evaluate_step(output, with_fgfa):
    names = names_of(with_fgfa)
    arguments = (
        "tsm_tf.detection.evaluation",
        f"--checkpoints={','.join(str(output / name / LAST) for name in names)}",
        f"--data={output / 'data'}",
        f"--output={output / evaluation_folder(with_fgfa)}",
        "--coco",
    )
    return Step("evaluate by motion", arguments)


def _live_steps(output, size):
    unseen, stream = output / "unseen.mp4", output / "stream"
    render = (
        "export.demo.detection.unseen",
        f"--output={unseen}",
        f"--num_frames={size.unseen_frames}",
    )
    live = (
        "export.live",
        f"--model={model_path(output, TSM)}",
        f"--video={unseen}",
        f"--output={stream}",
    )
    return (
        Step("render an unseen video", render),
        Step("stream the unseen video", live, fresh=stream),
    )
