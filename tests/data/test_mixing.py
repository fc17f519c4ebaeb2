import numpy as np
import pytest

from tsm_tf.data.mixing import Mixing, mix_clips

CLIPS = np.random.default_rng(0).integers(0, 256, (5, 2, 8, 8, 3), dtype=np.uint8)
LABELS = np.eye(5, dtype=np.float32)
KEEP = (0, 0, 0, 0, 1)


def test_mixup_blends_pairs_and_their_labels():
    regions = np.array([(0, 8, 0, 8, 0.75), (0, 8, 0, 8, 0.5), KEEP, KEEP, KEEP], np.float32)
    clips, labels = mix_clips(CLIPS, LABELS, regions)
    a, b = CLIPS[:2].astype(float)
    assert clips.dtype == np.uint8
    assert np.abs(clips[0] - (0.75 * a + 0.25 * b)).max() <= 0.5
    assert np.abs(clips[1] - (0.5 * b + 0.5 * a)).max() <= 0.5
    assert labels[0].tolist() == [0.75, 0.25, 0, 0, 0]
    assert labels[1].tolist() == [0.5, 0.5, 0, 0, 0]
    np.testing.assert_array_equal(clips[2:], CLIPS[2:])
    np.testing.assert_array_equal(labels[2:], LABELS[2:])


def test_cutmix_pastes_the_same_box_into_all_frames():
    regions = np.array([KEEP, KEEP, (2, 6, 0, 4, 0), (0, 8, 5, 5, 0), KEEP], np.float32)
    clips, labels = mix_clips(CLIPS, LABELS, regions)
    expected = CLIPS.copy()
    expected[2, :, 2:6, 0:4] = CLIPS[3, :, 2:6, 0:4]
    np.testing.assert_array_equal(clips, expected)
    assert labels[2].tolist() == [0, 0, 0.75, 0.25, 0]  # 16 of 64 pixels
    assert labels[3].tolist() == [0, 0, 0, 1, 0]  # an empty box


def test_the_last_of_an_odd_number_stays():
    regions = np.array([(0, 8, 0, 8, 0.3)] * 5, np.float32)
    clips, labels = mix_clips(CLIPS, LABELS, regions)
    np.testing.assert_array_equal(clips[4], CLIPS[4])
    assert labels[4].tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)


def test_shares_have_the_papers_distribution():
    mixing = Mixing(mixup=0.4, cutmix=0, seed=0)
    shares = np.array([mixing.region(0, index, 8)[4] for index in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)

    mixing = Mixing(mixup=0, cutmix=1.0, seed=0)
    regions = np.array([mixing.region(0, index, 224) for index in range(2000)])
    top, bottom, left, right, share = regions.T
    assert (share == 0).all() and (top <= bottom).all() and (left <= right).all()
    assert regions.min() == 0 and regions[:, :4].max() == 224
    inside = (top > 0) & (left > 0) & (bottom < 224) & (right < 224)
    np.testing.assert_allclose((bottom - top)[inside], (right - left)[inside], atol=1)


def test_both_take_turns():
    mixing = Mixing(mixup=1.0, cutmix=1.0, seed=0)
    shares = np.array([mixing.region(0, index, 8)[4] for index in range(400)])
    assert 0.4 < (shares > 0).mean() < 0.6


def test_a_region_follows_from_seed_epoch_and_index():
    def region(seed, epoch, index):
        return Mixing(1.0, 1.0, seed).region(epoch, index, 224).tobytes()

    assert region(0, 1, 2) == region(0, 1, 2)
    assert len({region(0, 1, 2), region(1, 1, 2), region(0, 2, 2), region(0, 1, 3)}) == 4
    assert Mixing(1.0, 0, 0).region(0, -1, 8).tolist() == [*KEEP]
