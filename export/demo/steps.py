"""The steps of the demo: each is a command."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

from export.demo.step import Step, benchmark_step, export_step, render_step

MODES = {"tsm": "unidirectional", "tsn": "none"}
MODEL_FILE = "mobilenet_v2_online_float32.tflite"
MAPPED_VIDEO = "videos/val/00000.mp4"
"""The rendered video whose class activation maps are on the page: a swipe to the left."""

WEB = "web"
"""The folder of the page for browsers."""

_RENDERED_NOTE = (
    "This model was trained on rendered hands only. It knows the hand in the sample video, not "
    "yours."
)


@dataclasses.dataclass(frozen=True)
class Size:
    """How much the demo computes.

    Args:
        num_train: number of training videos to render.
        num_val: number of validation videos to render.
        training: flags of the training of each network, a key of `MODES`.
        background_minutes: pauses in each half of the streams that are evaluated.
    """

    num_train: int
    num_val: int
    training: Mapping[str, tuple[str, ...]]
    background_minutes: float


# The TSN gets fewer epochs, which saves minutes. The page says so.
FULL = Size(1440, 360, {"tsm": (), "tsn": ("--clip_epochs=4", "--epochs=6")}, 10)
QUICK = Size(18, 18, dict.fromkeys(MODES, ("--clip_epochs=1", "--epochs=1")), 0.5)


def plan(
    output: pathlib.Path,
    data: pathlib.Path | None,
    size: Size,
    layout: Sequence[str] = (),
) -> list[Step]:
    """Returns the steps before the page.

    Args:
        output: the demo's folder.
        data: folder of videos; None renders gestures first.
        size: how much to compute.
        layout: flags that say how to read the folder, such as `--val_share=0.2`.
    """
    steps = []
    is_rendered = data is None
    if data is None:
        data = output / "data"
        renderer = ("render gesture videos", "tsm_tf.data.synthetic")
        steps.append(render_step(*renderer, data, size.num_train, size.num_val))
    videos = (f"--data={data}", *layout)

    steps += [_train_step(name, output, videos, size.training[name]) for name in MODES]
    steps += [_evaluate_step(name, output, videos) for name in MODES]
    # These fit the event rules, which the exported files then have.
    steps += [_evaluate_streams_step(name, output, videos, size) for name in MODES]
    models = {name: model_path(output, name) for name in MODES}
    steps += [
        export_step(f"export {name.upper()}", output / name, path) for name, path in models.items()
    ]
    steps += _live_steps(output, videos, models["tsm"])
    steps.append(benchmark_step(models.values(), output))
    steps.append(_web_step(output, models["tsm"], is_rendered))
    return [*steps, _maps_step(output, data)] if is_rendered else steps


def model_path(output: pathlib.Path, name: str) -> pathlib.Path:
    """Returns the exported file of a model, a key of `MODES`."""
    return output / "export" / name / MODEL_FILE


def _train_step(name, output, videos, training):
    arguments = (
        "tsm_tf.training",
        "--recipe=gestures_online",
        *videos,
        f"--output={output / name}",
        f"--shift_mode={MODES[name]}",
        *training,
    )
    return Step(f"train {name.upper()}", arguments)


def _evaluate_step(name, output, videos):
    arguments = (
        "tsm_tf.evaluation",
        f"--checkpoint={output / name}",
        *videos,
        f"--output={output / 'evaluation' / name}",
    )
    return Step(f"evaluate {name.upper()}", arguments)


def _evaluate_streams_step(name, output, videos, size):
    arguments = (
        "tsm_tf.evaluation.stream",
        f"--checkpoint={output / name}",
        *videos,
        f"--output={output / 'streams' / name}",
        f"--background_minutes={size.background_minutes:g}",
    )
    return Step(f"evaluate {name.upper()} in streams", arguments)


def _live_steps(output, videos, model):
    unseen, stream = output / "unseen.mp4", output / "stream"
    events = stream / "events.jsonl"
    join = ("export.demo.unseen", *videos, f"--output={unseen}")
    live = (
        "export.live",
        f"--model={model}",
        f"--video={unseen}",
        f"--output={stream}",
        f"--events={events}",
    )
    gif = (
        "export.demo.gif",
        f"--video={stream / 'stream.mp4'}",
        f"--events={events}",
        f"--truth={unseen.with_suffix('.csv')}",
        f"--output={output / 'demo.gif'}",
    )
    return (
        Step("join unseen videos", join),
        Step("stream an unseen video", live, fresh=stream),
        Step("draw the truth", gif),
    )


def _web_step(output, model, is_rendered):
    arguments = (
        "export.web",
        f"--model={model}",
        f"--output={output / WEB}",
        f"--sample={output / 'unseen.mp4'}",
        *((f"--note={_RENDERED_NOTE}",) if is_rendered else ()),
    )
    # It needs npm, once.
    return Step("write the page for browsers", arguments, optional=True)


def _maps_step(output, data):
    arguments = (
        "tsm_tf.analysis.cam",
        f"--checkpoints={output / 'tsn'},{output / 'tsm'}",
        f"--video={data / MAPPED_VIDEO}",
        f"--output={output / 'cam'}",
    )
    return Step("show what the models look at", arguments)
