"""What `export.live` and `evaluation.stream` accept, and the runtime that they name."""

import pytest
from gpu import require_gpu
from testing import refuses

from export.live.__main__ import _describe, _load_runner
from export.tflite import export_model
from tsm_tf.evaluation.stream.__main__ import _tflite_model


@pytest.fixture(scope="module")
def chunked(model, tmp_path_factory):
    (path,) = export_model(model, tmp_path_factory.mktemp("chunked"), True, frames_per_step=2)
    return path


def test_files_with_several_frames_per_step_are_refused(chunked):
    with refuses("model", "one frame per step", "--frames_per_step", "which takes 2"):
        _load_runner(chunked, 1, "auto", "none", False)
    with refuses("model", "one frame of one stream", "(2, 32, 32, 3)"):
        _tflite_model(chunked, "auto")


def test_the_first_line_names_the_runtime(online):
    runner = _load_runner(online, 1, "litert", "none", False)
    assert _describe(runner) == "on litert, the model's 5 frames/s"
    require_gpu(online)
    runner = _load_runner(online, 1, "litert_gpu", "none", False)
    assert _describe(runner) == "on litert_gpu (fully accelerated), the model's 5 frames/s"


def test_clips_are_refused(clip):
    for runtime in ("auto", "litert"):
        with refuses("model", "an online model", clip.name):
            _load_runner(clip, 1, runtime, "none", False)
