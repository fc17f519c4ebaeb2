import numpy as np
from testing import refuses

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.augmentation_settings import AugmentationSettings

CLIP = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)  # fits: crops are the clip


def test_flips_half_of_the_clips_with_their_label():
    augmentation = Augmentation(AugmentationSettings(scales=(1,)), flip_targets=(1, 0, 2, None))
    rng, flipped = np.random.default_rng(0), 0
    for _ in range(100):
        clip, label = augmentation.apply(CLIP, 0, 2, rng)
        flipped += label == 1
        np.testing.assert_array_equal(clip, CLIP[:, :, ::-1] if label else CLIP)
    assert 35 < flipped < 65


def test_a_class_may_be_its_own_mirror_image_or_never_be_flipped():
    augmentation = Augmentation(AugmentationSettings(scales=(1,)), flip_targets=(1, 0, 2, None))
    rng = np.random.default_rng(0)
    results = [augmentation.apply(CLIP, 2, 2, rng) for _ in range(20)]
    assert {label for _, label in results} == {2}
    assert {clip.tobytes() for clip, _ in results} == {CLIP.tobytes(), CLIP[:, :, ::-1].tobytes()}
    for _ in range(20):
        clip, label = augmentation.apply(CLIP, 3, 2, rng)
        assert label == 3 and (clip == CLIP).all()


def test_without_flips_and_with_one_scale_nothing_changes():
    clip, label = Augmentation(AugmentationSettings(scales=(1,))).apply(
        CLIP, 0, 2, np.random.default_rng(0)
    )
    np.testing.assert_array_equal(clip, CLIP)
    assert label == 0


def test_crops_by_its_scales():
    """Crops of the input size are parts of the frame, exactly."""
    clip = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(5):
        crop, _ = Augmentation(AugmentationSettings(scales=(0.5,))).apply(clip, 0, 32, rng)
        parts = np.lib.stride_tricks.sliding_window_view(clip[0], (32, 32), (0, 1))
        assert (parts == crop[0].transpose(2, 0, 1)).all((2, 3, 4)).any()


def test_a_flip_of_flow_inverts_x():
    flow = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 10), dtype=np.uint8)
    augmentation = Augmentation(AugmentationSettings(scales=(1,)), (0,), "flow")
    rng, results = np.random.default_rng(0), set()
    for _ in range(20):
        results.add(augmentation.apply(flow, 0, 4, rng)[0].tobytes())
    mirrored = flow[:, :, ::-1].copy()
    mirrored[..., [0, 2, 4, 6, 8]] = 255 - mirrored[..., [0, 2, 4, 6, 8]]
    assert results == {flow.tobytes(), mirrored.tobytes()}


def test_flow_is_cropped_without_the_smallest_scale():
    def sides(modality):
        rng, augmentation = np.random.default_rng(0), Augmentation(modality=modality)
        return {augmentation.choose_box(100, 100, 50, rng)[0] for _ in range(500)}

    assert sides("rgb") == {100, 87, 75, 66} and sides("flow") == {100, 87, 75}


def test_colours_of_flow_are_refused():
    with refuses("randaugment_ops", "flow"):
        Augmentation(AugmentationSettings(randaugment_ops=1), modality="flow")


EVERYTHING = AugmentationSettings(
    "random_resized", color_jitter=(0.4, 0.4, 0.4, 0.1), randaugment_ops=2
)


def test_all_frames_get_the_same_change():
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        changed, _ = Augmentation(EVERYTHING, (0,)).apply(np.stack([frame] * 5), 0, 32, rng)
        assert changed.shape == (5, 32, 32, 3) and (changed == changed[0]).all()


def test_the_box_is_chosen_without_pixels():
    """A source that decodes only the box gives the same clip."""
    clip = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    augmentation = Augmentation(EVERYTHING, (1, 0))
    for seed in range(10):
        whole, label = augmentation.apply(clip, 0, 32, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        w, h, x, y = augmentation.choose_box(64, 48, 32, rng)
        pixels = clip[:, y : y + h, x : x + w]
        part, labels = augmentation.change_crop(pixels, np.array([0]), 32, rng)
        np.testing.assert_array_equal(part, whole)
        assert labels.tolist() == [label]
