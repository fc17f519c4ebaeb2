"""Run a model on one video: on clips of it, or on its frames one at a time."""

import dataclasses
import typing
from collections.abc import Callable

import numpy as np

from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.errors import InputError
from tsm_tf.evaluation.protocols import Protocol, mean_logits
from tsm_tf.evaluation.stream.joined import DEFAULT_FPS
from tsm_tf.predict.frames import StreamFrames
from tsm_tf.predict.results import STREAM
from tsm_tf.spec import ModelSpec

RunClips = Callable[[np.ndarray], np.ndarray]
"""From clips, `uint8 [B, T, S, S, C]`, to logits `float32 [B, num_classes]`."""

Step = Callable[[np.ndarray], np.ndarray]
"""From the next frame of a stream, `uint8 [S, S, 3]`, to logits `float32 [num_classes]`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about a video.

    Args:
        logits: the video's logits, `float32 [num_classes]`.
        seconds: the times of the frames that the model saw, `[n]`; None unless it is a stream.
        steps: the mean logits up to each of these frames, `float32 [n, num_classes]`, or None.
    """

    logits: np.ndarray
    seconds: np.ndarray | None = None
    steps: np.ndarray | None = None

    def at(self, seconds: float) -> np.ndarray:
        """Returns the logits that are known at a time of the video, `[num_classes]`."""
        if self.seconds is None or self.steps is None:
            return self.logits
        return self.steps[max(0, int(np.searchsorted(self.seconds, seconds, side="right")) - 1)]


class Predictor(typing.Protocol):
    """A model that predicts one video at a time.

    Attributes:
        spec: the model's spec.
        protocol_name: what it sees of a video: the name of a protocol, or `STREAM`.
    """

    @property
    def spec(self) -> ModelSpec: ...

    @property
    def protocol_name(self) -> str: ...

    def predict(self, video: Video, source: Source) -> Prediction:
        """Returns what the model says about a video, or about its segment.

        Raises:
            MissingFile: there is no such video.
            BadVideoError: it cannot be decoded.
        """
        ...


class ClipPredictor:
    """Averages the logits of the views of a video, as evaluation does.

    Args:
        spec: the model's spec.
        run: the model, of the size of the views.
        protocol: which clips and crops of a video it gets.
    """

    def __init__(self, spec: ModelSpec, run: RunClips, protocol: Protocol):
        self.spec = spec
        self.run = run
        self.protocol = protocol
        self.protocol_name = protocol.name

    def predict(self, video: Video, source: Source) -> Prediction:
        """Returns the mean logits; see `Predictor.predict`."""
        logits = self.run(load_views(video, self.spec, source, self.protocol.views))
        return Prediction(mean_logits(logits, self.protocol.softmax, self.spec.multi_label))


class StreamPredictor:
    """Averages the logits of the frames of a video, as `tsm_tf.evaluation.online` does.

    The frames are those at the model's rate, or at `DEFAULT_FPS` if it has none. The model sees
    them one at a time, from its initial state on.

    Args:
        spec: the model's spec.
        start: returns a step of the model from its initial state.

    Raises:
        InputError: a model of optical flow, or one that needs whole clips.
    """

    protocol_name = STREAM

    def __init__(self, spec: ModelSpec, start: Callable[[], Step]):
        check_stream(spec)
        self.spec = spec
        self.start = start

    def predict(self, video: Video, source: Source) -> Prediction:
        """Returns the mean logits of all frames, and after each; see `Predictor.predict`."""
        frames = StreamFrames(video, self.spec, self.spec.fps or DEFAULT_FPS, source)
        progress = ProgressLine(frames.count, "frames", "seen")
        step, seconds, rows = self.start(), [], []

        for number, (time, frame) in enumerate(frames, 1):
            seconds.append(time)
            rows.append(step(frame))
            if number < frames.count:
                progress.show(number)

        counts = np.arange(1, len(rows) + 1)[:, None]
        steps = (np.cumsum(rows, axis=0, dtype=np.float64) / counts).astype(np.float32)
        return Prediction(steps[-1], np.array(seconds), steps)


def check_stream(spec: ModelSpec) -> None:
    """Raises if a model cannot see the frames of a video one at a time.

    Raises:
        InputError: a model of optical flow, or one that needs whole clips.
    """
    spec.check_streamable()
    if spec.modality != "rgb":
        raise InputError("modality", "must be rgb to stream a video", spec.modality)
