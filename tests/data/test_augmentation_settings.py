import pytest
from testing import refuses

from tsm_tf.data.augmentation_settings import AugmentationSettings


def test_defaults_are_the_originals():
    settings = AugmentationSettings()
    assert settings.scales_of("rgb") == (1, 0.875, 0.75, 0.66)
    assert settings.scales_of("flow") == (1, 0.875, 0.75)
    assert AugmentationSettings(scales=(1, 0.5)).scales_of("flow") == (1, 0.5)
    assert not settings.mixes
    assert AugmentationSettings(cutmix=1.0).mixes and AugmentationSettings(mixup=0.2).mixes


def test_lists_become_tuples():
    assert AugmentationSettings(crop_area=[0.2, 1]) == AugmentationSettings(crop_area=(0.2, 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", "corner"),
        ("scales", ()),
        ("scales", (1, 1.5)),
        ("scales", (0.01,)),
        ("crop_area", (0.5, 0.2)),
        ("crop_area", (0.5,)),
        ("crop_area", (0, 1)),
        ("crop_aspect", (0.01, 1)),
        ("zoom", (0.9, 1.2)),
        ("zoom", (1, float("nan"))),
        ("zoom", (1, "2")),
        ("color_jitter", (0.4, 0.4, 0.4)),
        ("color_jitter", (0.4, 0.4, 1.1, 0)),
        ("color_jitter", (0, 0, 0, 0.6)),
        ("randaugment_ops", -1),
        ("randaugment_ops", 1.5),
        ("randaugment_magnitude", 11),
        ("mixup", -0.1),
        ("mixup", float("inf")),
        ("cutmix", 1e9),
    ],
)
def test_bad_values(name, value):
    with refuses(name, "must be"):
        AugmentationSettings(**{name: value})


def test_flow_has_no_colours():
    AugmentationSettings(mixup=1, crop="random_resized").check_modality("flow")
    with refuses("color_jitter", "0,0,0,0 for flow"):
        AugmentationSettings(color_jitter=(0.1, 0, 0, 0)).check_modality("flow")
    with refuses("randaugment_ops", "0 for flow", "2"):
        AugmentationSettings(randaugment_ops=2).check_modality("flow")
    AugmentationSettings(randaugment_ops=2).check_modality("rgb")
