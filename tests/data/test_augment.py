import numpy as np

from tsm_tf.data.augment import Augmentation

CLIP = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)  # fits: crops are the clip


def test_flips_half_of_the_clips_with_their_label():
    augmentation = Augmentation(scales=(1,), flip_targets=(1, 0, 2, None))
    rng, flipped = np.random.default_rng(0), 0
    for _ in range(100):
        clip, label = augmentation.apply(CLIP, 0, 2, rng)
        flipped += label == 1
        np.testing.assert_array_equal(clip, CLIP[:, :, ::-1] if label else CLIP)
    assert 35 < flipped < 65


def test_a_class_may_be_its_own_mirror_image_or_never_be_flipped():
    augmentation = Augmentation(scales=(1,), flip_targets=(1, 0, 2, None))
    rng = np.random.default_rng(0)
    results = [augmentation.apply(CLIP, 2, 2, rng) for _ in range(20)]
    assert {label for _, label in results} == {2}
    assert {clip.tobytes() for clip, _ in results} == {CLIP.tobytes(), CLIP[:, :, ::-1].tobytes()}
    for _ in range(20):
        clip, label = augmentation.apply(CLIP, 3, 2, rng)
        assert label == 3 and (clip == CLIP).all()


def test_without_flips_and_with_one_scale_nothing_changes():
    clip, label = Augmentation(scales=(1,)).apply(CLIP, 0, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(clip, CLIP)
    assert label == 0


def test_crops_by_its_scales():
    """Crops of the input size are parts of the frame, exactly."""
    clip = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(5):
        crop, _ = Augmentation(scales=(0.5,)).apply(clip, 0, 32, rng)
        parts = np.lib.stride_tricks.sliding_window_view(clip[0], (32, 32), (0, 1))
        assert (parts == crop[0].transpose(2, 0, 1)).all((2, 3, 4)).any()
