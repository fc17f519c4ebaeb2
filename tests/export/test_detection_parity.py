import itertools

import numpy as np
import pytest
from runtimes import ON_CPU, require
from tensorflow.lite.tools import flatbuffer_utils
from testing import refuses

from export.detection_parity import (
    DetectionProof,
    _are_found,
    _differences,
    keras_detections,
    prove_detector,
)
from export.format.metadata import DETECTIONS
from export.runtime import runners
from export.sample_clips import drawn_patterns
from export.tflite.draft import Draft
from tsm_tf.detection.detections import Detections

SIZES = np.array([100, 50, 100, 50], np.float32)


@pytest.fixture(scope="module")
def clips(detector):
    return drawn_patterns(detector.spec, 2, 5)


@pytest.fixture(scope="module")
def expected(detector, clips):
    return keras_detections(detector, clips)


@pytest.mark.parametrize("runtime", ON_CPU)
def test_every_runtime_agrees_with_keras(detector_file, clips, expected, runtime):
    """Distinct frames, so that the clips show that the caches are the right ones."""
    require(runtime)
    proof = prove_detector(detector_file, clips, expected, runtime)
    assert proof.difference < 1e-4 and proof.agreement in (None, 1)
    assert (proof.num_streams, proof.num_frames) == (2, 10)
    assert proof.num_detections == 2 * sum(len(x.scores) for stream in expected for x in stream)
    assert min(len(x.scores) for stream in expected for x in stream) > 1


def test_wrong_cache_is_found(detector, detector_file, clips, expected, tmp_path):
    """Two swapped caches of equal shapes do not affect the first frame, but every later one."""
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(detector_file.read_bytes()))
    outputs = {entry.name: entry for entry in tree.signatureDefs[0].outputs}
    tensors = tree.subgraphs[0].tensors
    caches = [entry for name, entry in sorted(outputs.items()) if name.startswith(b"shift")]
    first, second = next(
        (a, b)
        for a, b in itertools.pairwise(caches)
        if list(tensors[a.tensorIndex].shape) == list(tensors[b.tensorIndex].shape)
    )
    first.name, second.name = second.name, first.name
    draft = Draft(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    draft.order_outputs(DETECTIONS)
    path = tmp_path / "swapped.tflite"
    path.write_bytes(draft.seal(detector.spec))
    assert prove_detector(path, clips, expected).difference > 1e-3


def test_a_file_that_remembers_is_refused(detector_file, clips, expected, monkeypatch):
    resets, reset = [], runners.StreamRunner.reset

    def reset_first(runner, stream=None):  # when it is made, and before the first streams
        resets.append(stream)
        if len(resets) <= 3:
            reset(runner, stream)

    monkeypatch.setattr(runners.StreamRunner, "reset", reset_first)
    with refuses("model", "the same boxes after a reset", detector_file.name):
        prove_detector(detector_file, clips, expected)


def found(*rows):
    """Detections from rows of class, score and box."""
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(values[:, 2:], values[:, 0].astype(int), values[:, 1])


def test_nothing_to_compare_is_an_error(detector_file, clips, expected, monkeypatch):
    monkeypatch.setattr(runners.StreamRunner, "step", lambda *_: found())
    with refuses("data", "must have frames in which something is found", "drawn patterns"):
        prove_detector(detector_file, clips, [[found()] * 5] * 2)
    proof = prove_detector(detector_file, clips, expected)
    assert proof.difference == 1


def test_differences_are_to_the_nearest_of_the_same_class():
    """Coordinates count relative to the frame of 100x50 pixels."""
    keras = found((0, 0.9, 0, 0, 10, 10), (1, 0.5, 0, 0, 10, 10), (1, 0.4, 50, 0, 60, 10))
    file = found((0, 0.8, 0, 0, 10, 10), (1, 0.4, 51, 0, 60, 12))
    differences = _differences(file, keras, SIZES)
    np.testing.assert_allclose(differences, [0.1, 0.04, 0.1, 0.51, 0.04], atol=1e-6)
    assert _differences(found(), keras, SIZES).tolist() == [1, 1, 1]
    assert _differences(found(), found(), SIZES).size == 0
    assert _differences(found((2, np.nan, 0, 0, 1, 1)), found((2, 1, 0, 0, 1, 1)), SIZES)[0] == 1


def test_what_is_shown_must_be_found():
    """With the same class, at least half the score, and an overlap of a half."""
    keras = found((0, 0.9, 0, 0, 10, 10), (1, 0.6, 0, 0, 10, 10), (1, 0.4, 50, 0, 60, 10))
    near, far = (0, 0.45, 0, 0, 10, 6), (0, 0.9, 0, 0, 10, 4)
    assert _are_found(found(near, (0, 0.6, 0, 0, 10, 10)), keras).tolist() == [True, False]
    assert _are_found(found(far, (1, 0.29, 0, 0, 10, 10)), keras).tolist() == [False, False]
    assert _are_found(found(), keras).tolist() == [False, False]


def test_a_proof_describes_itself():
    proof = DetectionProof(2e-6, 0.985, 2, 64, 1234)
    assert str(proof) == (
        "97% of 1,234 detections in 64 frames differ from Keras by at most 2.00e-06; "
        "finds 98.5% of what Keras shows"
    )
    assert "shows" not in str(DetectionProof(2e-6, None, 2, 64, 1234))
