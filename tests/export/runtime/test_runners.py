import threading
import warnings

import numpy as np
import pytest
from testing import refuses, video_frames

from export.format.metadata import read_spec, seal
from export.runtime import ClipRunner, StreamRunner


def test_streams_and_resets(online):
    runner = StreamRunner(online)
    frames = video_frames(6, 32, 32, 3)
    first = [runner.step(frame) for frame in frames]
    assert all(logits.shape == (4,) and logits.dtype == np.float32 for logits in first)
    assert not np.array_equal(runner.step(frames[0]), first[0])  # it remembers
    runner.reset()
    np.testing.assert_array_equal([runner.step(frame) for frame in frames], first)
    np.testing.assert_array_equal(StreamRunner(online).step(frames[0].astype("float64")), first[0])


def test_logits_belong_to_the_caller(online):
    runner = StreamRunner(online)
    frames = video_frames(2, 32, 32, 3)
    logits = runner.step(frames[0])
    before = logits.copy()
    runner.step(frames[1])
    np.testing.assert_array_equal(logits, before)


def test_refuses_wrong_frames(online):
    runner = StreamRunner(online)
    with refuses("frame", "(32, 32, 3)", "(32, 31, 3)"):
        runner.step(np.zeros((32, 31, 3), np.uint8))
    with refuses("frame", "(32, 32, 3)", "list"):
        runner.step([1])
    with refuses("frame", "uint8", "int64"):
        runner.step(np.zeros((32, 32, 3), np.int64))


def test_refuses_wrong_streams(online):
    runner = StreamRunner(online)
    for stream in (5, 1, -1, 0.0, "0"):
        with refuses("stream", "None or the number of a stream, from 0 to 0", repr(stream)):
            runner.reset(stream)
    runner.reset(np.int64(0))


def test_refuses_wrong_clips(clip):
    runner = ClipRunner(clip)
    with refuses("clip", "(4, 32, 32, 3)", "(32, 32, 3)"):
        runner(np.zeros((32, 32, 3), np.uint8))
    with refuses("clip", "uint8", "int64"):
        runner(np.zeros((4, 32, 32, 3), np.int64))


def test_refuses_caches_with_other_numbers_of_streams(online, tmp_path):
    """Files that the exporter never writes, but that `verify` accepts."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    for shapes in ({"shift_03": (2, 7)}, {"shift_03": (3, 7), "shift_04": (3, 7)}):
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
        graph, signature = tree.subgraphs[0], tree.signatureDefs[0]
        for name, shape in shapes.items():
            tensor = schema.TensorT()
            tensor.name, tensor.shape = name.encode(), list(shape)
            graph.tensors.append(tensor)
            number = len(graph.tensors) - 1
            graph.inputs = [*graph.inputs, number]
            graph.outputs = [*graph.outputs, number]
            for entries in (signature.inputs, signature.outputs):
                entry = next(entry for entry in entries if entry.name == name.encode())
                entry.tensorIndex = number
        path = tmp_path / "odd.tflite"
        content = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
        path.write_bytes(seal(content))
        with refuses("model", "online model"):
            StreamRunner(path, unchecked=True)


def test_refuses_a_second_thread(online, clip):
    """Frames from two threads would mix in one stream, or read memory while it is written."""
    clips = video_frames(4, 32, 32, 3)
    stream, clip_runner = StreamRunner(online), ClipRunner(clip)
    for runner, call in (
        (stream, lambda: stream.step(clips[0])),
        (clip_runner, lambda: clip_runner(clips)),
    ):
        expected = call()
        entered, leave = threading.Event(), threading.Event()
        run = runner.engine.run

        def slow_run(run=run, entered=entered, leave=leave):
            entered.set()
            assert leave.wait(60)
            run()

        runner.engine.run = slow_run
        thread = threading.Thread(target=call)
        thread.start()
        assert entered.wait(60)
        for use in (call, *([runner.reset] if runner is stream else [])):
            with refuses("runner", "by one thread at a time", "one per thread", "MainThread"):
                use()
        leave.set()
        thread.join()

        runner.engine.run = run
        if runner is stream:
            runner.reset()
        np.testing.assert_array_equal(call(), expected)


def test_scaled_frames_get_one_warning(online, clip):
    fps = 5  # of the model
    frames = video_frames(8, 32, 32, 3) / np.float32(255)
    for scaled in (frames, 2 * frames - 1):
        runner = StreamRunner(online)
        for frame in scaled[: fps - 1]:
            runner.step(frame)
        with pytest.warns(RuntimeWarning, match="scaled to 0..1 or -1..1 already.*0..255") as lines:
            runner.step(scaled[fps - 1])
            runner.step(scaled[fps])
        assert len(lines) == 1 and lines[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="scaled to 0..1"):
        ClipRunner(clip)(frames[:4])


def test_dark_frames_get_no_warning(online):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner = StreamRunner(online)
        for frame in (np.zeros((32, 32, 3), np.float32), np.ones((32, 32, 3), np.uint8)):
            for _ in range(12):
                runner.step(frame)
        runner = StreamRunner(online)
        for value in (0.5, 0.5, 2.0, *[0.5] * 12):  # a scene that is dark for a while
            runner.step(np.full((32, 32, 3), value, np.float32))


def test_a_file_that_is_replaced_under_a_stream(online, tmp_path):
    """The interpreter has the bytes that were checked; a mapped file would raise SIGBUS."""
    path = tmp_path / "model.tflite"
    path.write_bytes(online.read_bytes())
    runner, frame = StreamRunner(path), video_frames(32, 32, 3)
    first = runner.step(frame)
    path.write_bytes(b"")
    runner.reset()
    np.testing.assert_array_equal(runner.step(frame), first)


def test_refuses_wrong_files(clip, online, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`model`.*gone"):
        StreamRunner(tmp_path / "gone.tflite")
    with refuses("model", "an online model", clip.name):
        StreamRunner(clip)
    text = tmp_path / "text.tflite"
    text.write_text("not a model")
    with refuses("model", "must be a TFLite file"):
        StreamRunner(text)
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(online.read_bytes().replace(b"TSM_SPEC", b"NOT_OURS"))
    with refuses("model", "written by export.tflite"):
        StreamRunner(foreign)
    with refuses("model", "must be a TFLite file", str(tmp_path / "short.tflite")):
        (tmp_path / "short.tflite").write_bytes(b"TFL3")
        StreamRunner(tmp_path / "short.tflite")


def test_file_that_was_cut_off(online, tmp_path):
    content = online.read_bytes()
    for size in (100, 2000, len(content) // 2, len(content) - 5000):
        path = tmp_path / "cut.tflite"
        path.write_bytes(content[:size])
        with refuses("model", "this one is damaged", str(path)):
            StreamRunner(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"backbone"', b'"bakcbone"'),
        (b'"mobilenet_v2"', b"[            ]"),
        (b'"num_classes": 4', b'"num_classes": 0'),
    ],
)
def test_spec_that_cannot_be_read(online, tmp_path, old, new):
    path = tmp_path / "odd.tflite"
    content = online.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(seal(content.replace(old, new)))
    with refuses("model", "a spec that this version knows", str(path)):
        read_spec(path)


def test_damaged_metadata_is_an_error_and_nothing_worse(online, tmp_path):
    content = online.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(150):
        damaged = bytearray(content[: rng.integers(8, len(content))] if i % 2 else content)
        for at in rng.integers(0, min(len(damaged), 400), 8):
            damaged[at] = rng.integers(256)
        damaged[4:8] = b"TFL3"
        path = tmp_path / "damaged.tflite"
        path.write_bytes(damaged)
        try:
            read_spec(path)
        except ValueError:
            refused += 1
    assert refused > 50
