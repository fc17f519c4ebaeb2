"""A short piece of what `make soak` does at length, on every runtime."""

import gc
import tracemalloc

import numpy as np
import pytest
from runtimes import ON_CPU, require
from soak import check_broken_frame, check_forgets, reach, shape_of, soak
from testing import video_frames

from export.runtime import StreamRunner


@pytest.fixture(params=["online", "int8"])
def path(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=ON_CPU)
def runner(path, request):
    require(request.param)
    return StreamRunner(path, runtime=request.param)


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
def test_it_forgets(runner):
    frames = video_frames(reach(runner) + 6, *shape_of(runner))
    soak(runner, frames, 200)
    check_forgets(runner, frames)


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
def test_a_broken_frame_is_gone_after_as_many_frames_as_blocks(runner, path, online):
    frames = video_frames(reach(runner) + 6, *shape_of(runner))
    changed = check_broken_frame(runner, frames, video_frames(*shape_of(runner), seed=1))
    assert changed[0]
    if path == online:  # the bound is met; int8 may round the last traces away
        assert changed.tolist() == [True] * (reach(runner) + 1) + [False] * 5


def test_a_nan_is_gone_after_as_many_frames_as_blocks(online):
    runner = StreamRunner(online)
    frames = video_frames(reach(runner) + 6, *shape_of(runner))
    changed = check_broken_frame(runner, frames, np.full(shape_of(runner), np.nan, np.float32))
    assert reach(runner) == 10 and changed.tolist() == [True] * 11 + [False] * 5


def test_memory_stays_flat(online):
    runner = StreamRunner(online)
    frames = video_frames(8, *shape_of(runner))
    soak(runner, frames, 100)
    tracemalloc.start()
    try:
        sizes = []
        for steps in (1, 5000):
            soak(runner, frames, steps)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 4096, sizes
