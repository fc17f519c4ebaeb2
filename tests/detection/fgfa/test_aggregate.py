import numpy as np
from fgfa import golden
from testing import array

from tsm_tf.detection.fgfa.aggregate import aggregate, similarity_weights

CURRENT = 2  # index of the current frame in the golden window


def test_golden_weights():
    warped = golden("warped_embeddings")[None]
    found = array(similarity_weights(warped, warped[:, CURRENT]))
    np.testing.assert_allclose(found[0], golden("weights"), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_golden_aggregate():
    found = array(aggregate(golden("warped_features")[None], golden("weights")[None]))
    np.testing.assert_allclose(found[0], golden("aggregated"), atol=1e-5)


def test_each_clip_has_its_own_reference():
    warped = golden("warped_embeddings")
    clips = np.stack([warped, warped[::-1]])
    found = array(similarity_weights(clips, clips[:, 0]))
    for clip, weights in zip(clips, found, strict=True):
        alone = array(similarity_weights(clip[None], clip[None, 0]))
        np.testing.assert_allclose(weights, alone[0], atol=1e-6)


def test_zero_embeddings_weigh_all_frames_equally():
    zeros = np.zeros((1, 4, 2, 3, 5), np.float16)
    found = array(similarity_weights(zeros, zeros[:, 0]))
    np.testing.assert_allclose(found, 0.25)
    assert found.dtype == np.float32
