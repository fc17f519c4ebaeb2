"""Predicts videos one after the other, prints their classes, and writes what was asked for."""

import sys
from collections.abc import Mapping

from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError, one_line
from tsm_tf.predict.annotated import file_names, write_annotated
from tsm_tf.predict.classes import RankedClass, describe, rank
from tsm_tf.predict.inputs import Inputs
from tsm_tf.predict.predictors import Predictor
from tsm_tf.predict.results import Results

_MAX_NAMED = 5


class Run:
    """Predicts videos.

    Args:
        predictor: the model.
        results: where the predictions go.
        top_k: the largest number of classes per video; see `rank`.
        annotate: whether to write an MP4 per video into the folder of the results.
        title: name of the model, for the MP4.
    """

    def __init__(
        self,
        predictor: Predictor,
        results: Results,
        top_k: int,
        annotate: bool,
        title: str,
    ):
        self.predictor = predictor
        self.results = results
        self.top_k = top_k
        self.folder = results.folder if annotate else None
        self.title = title

    def predict(self, inputs: Inputs, source: Source) -> None:
        """Predicts all videos that have no results yet. One that fails does not stop the others.

        Raises:
            InputError: names the videos that could not be predicted; the others are written.
            OSError: the disk is full, or the folder cannot be written.
        """
        videos = inputs.videos
        names = file_names(videos)
        done = sum(self._found(video, names) is not None for video in videos)
        progress = ProgressLine(len(videos), "videos", "done", done)
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        if isinstance(source, ComputedFlow):
            print("computing optical flow, at about a second per pair of frames", flush=True)

        for video in videos:
            classes = self._found(video, names)
            is_new = classes is None
            try:
                classes = self._one(video, source, names) if classes is None else classes
            except InputError as error:
                if len(videos) == 1:
                    raise
                self.results.fail(video.name, one_line(error))
                print(f"{clear}{video.name}\n  error: {one_line(error)}", flush=True)
            else:
                print(f"{clear}{video.name}\n{describe(classes)}", flush=True)
            if is_new and len(videos) > 1:
                done += 1
                progress.show(done)

        self._raise_for_errors(len(videos))

    def _found(self, video: Video, names: Mapping[str, str]) -> list[RankedClass] | None:
        """Returns the classes from an earlier call, unless the annotated video is missing."""
        if self.folder is not None and not (self.folder / names[video.name]).is_file():
            return None
        return self.results.get(video.name)

    def _one(self, video: Video, source: Source, names: Mapping[str, str]) -> list[RankedClass]:
        prediction = self.predictor.predict(video, source)
        classes = rank(prediction.logits, self.predictor.spec, self.top_k)
        if self.folder is not None:
            path = self.folder / names[video.name]
            write_annotated(path, video, source, prediction, self.predictor.spec, self.title)
        self.results.add(video.name, classes)
        return classes

    def _raise_for_errors(self, count: int) -> None:
        failed = list(self.results.errors)
        if failed:
            rule = f"must be videos that can be predicted; {len(failed)} of {count} cannot"
            more = ["..."] if len(failed) > _MAX_NAMED else []
            raise InputError("video", rule, failed[:_MAX_NAMED] + more)
