import numpy as np
import pytest
from runtimes import ON_CPU, require
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses, video_frames

from export.parity import Proof, keras_logits, prove
from export.runtime import runners
from export.sample_clips import SampleClips, drawn_patterns
from export.tflite.draft import Draft


@pytest.mark.parametrize("runtime", ON_CPU)
def test_every_runtime_agrees_with_keras(model, online, clip, runtime):
    require(runtime)
    for path, clips in (
        (online, drawn_patterns(model.spec, 1, 32)),
        (clip, drawn_patterns(model.spec, 8, 4)),
    ):
        proof = prove(path, clips, keras_logits(model, clips, path == online), runtime)
        assert proof.difference < 1e-4 and proof.agreement == proof.frame_agreement == 1
        assert proof.num_frames == 32 and proof.accuracy is None


def test_wrong_cache_is_found(model, online, tmp_path):
    """Two swapped caches of equal shapes do not affect the first frame, but every later one."""
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(online.read_bytes()))
    outputs = {entry.name: entry for entry in tree.signatureDefs[0].outputs}
    outputs[b"shift_01"].name, outputs[b"shift_02"].name = b"shift_02", b"shift_01"
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    path = tmp_path / "swapped.tflite"
    path.write_bytes(Draft(content).seal(model.spec))

    clips = drawn_patterns(model.spec, 1, 32)
    assert prove(path, clips, keras_logits(model, clips, True)).difference > 1e-3


def test_a_file_that_remembers_is_refused(model, online, monkeypatch):
    resets, reset = [], runners.StreamRunner.reset

    def reset_twice(runner, stream=None):  # when it is made, and before the first pass
        resets.append(stream)
        if len(resets) <= 2:
            reset(runner, stream)

    monkeypatch.setattr(runners.StreamRunner, "reset", reset_twice)
    clips = drawn_patterns(model.spec, 1, 3)
    with refuses("model", "the same logits after a reset", online.name):
        prove(online, clips, keras_logits(model, clips, True))


def test_keras_logits_come_from_the_clip_model(model):
    clips = SampleClips(video_frames(2, 4, 32, 32, 3), None, "tests")
    of_frames, of_clips = (keras_logits(model, clips, online) for online in (True, False))
    assert of_frames.shape == (2, 4, 4) and of_clips.shape == (2, 1, 4)
    np.testing.assert_allclose(of_frames.mean(1), of_clips[:, 0], atol=1e-5)
    np.testing.assert_allclose(of_clips[:, 0], model(clips.frames, training=False), atol=1e-5)


def test_proof_counts_what_agrees(model, online, monkeypatch):
    """Two clips of two frames; the file's logits are given."""
    actual = np.array([[[0, 3, 0, 0], [0, 1, 0, 0]], [[2, 0, 0, 0], [0, 0, 0, 1.5]]], "float32")
    expected = np.array([[[0, 3, 0, 0], [2, 1, 0, 0]], [[0, 0, 3, 0], [0, 0, 0, 20]]], "float32")
    monkeypatch.setattr("export.parity._stream", lambda *_: actual)
    frames = np.zeros((2, 2, 32, 32, 3), np.uint8)

    proof = prove(online, SampleClips(frames, np.array([1, 3]), "tests"), expected)
    assert proof == Proof(
        difference=18.5 / 2,
        agreement=0.5,
        frame_agreement=0.5,
        num_streams=2,
        num_frames=4,
        accuracy=0.5,
        keras_accuracy=1.0,
    )
    assert str(proof) == (
        "differs from Keras by at most 9.25e+00; top-1 agrees on 50.0% of 2 streams "
        "and 50.0% of 4 frames; top-1 50.0%, Keras 100.0%"
    )
    assert prove(online, SampleClips(frames, None, "tests"), expected).accuracy is None
