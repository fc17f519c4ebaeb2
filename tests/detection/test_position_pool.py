import keras
import numpy as np
import pytest
from detection_golden import golden, gradient, half_open, tensors
from testing import array, frames, refuses

from tsm_tf.detection.position_pool import PositionPool


def golden_case(bins):
    """Maps, and the regions, all of which are pooled from each map."""
    g = golden()
    maps = g[f"psroi/k{bins}/features"].transpose(0, 2, 3, 1)
    return maps, np.repeat(g[f"psroi/k{bins}/rois"][None, :, 1:], len(maps), axis=0)


def of_own_map(values, bins):
    """From the values of all regions in all maps to those of each region in its map."""
    owner = golden()[f"psroi/k{bins}/rois"][:, 0].astype(int)
    return array(values)[owner, np.arange(len(owner))]


@pytest.mark.parametrize("bins", [3, 7])
@pytest.mark.parametrize("kind", ["average", "align"])
def test_golden(bins, kind):
    maps, rois = golden_case(bins)
    rois = half_open(rois) if kind == "average" else rois
    name = {"average": "pooled", "align": "torchvision_ps_roi_align_s2"}[kind]
    expected = golden()[f"psroi/k{bins}/{name}"]

    pooled = of_own_map(PositionPool(bins, 16, kind, vote=False)(maps, rois), bins)
    np.testing.assert_allclose(np.moveaxis(pooled, -1, 1), expected, atol=1e-5)
    votes = of_own_map(PositionPool(bins, 16, kind)(maps, rois), bins)
    np.testing.assert_allclose(votes, expected.mean(axis=(2, 3)), atol=1e-5)


@pytest.mark.parametrize("kind", ["average", "align"])
def test_golden_gradient(kind):
    maps, rois = golden_case(3)
    rois = half_open(rois) if kind == "average" else rois
    name = {"average": "grad_features", "align": "torchvision_ps_roi_align_s2_grad"}[kind]
    owner = golden()["psroi/k3/rois"][:, 0]
    upstream = np.moveaxis(golden()["psroi/k3/upstream"], 1, -1)
    upstream = np.stack([upstream * (owner == i)[:, None, None, None] for i in range(2)])
    (upstream,) = tensors(upstream)

    def weighted_sum(maps):
        return keras.ops.sum(PositionPool(3, 16, kind, vote=False)(maps, rois) * upstream)

    expected = golden()[f"psroi/k3/{name}"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(gradient(weighted_sum, maps), expected, atol=1e-5)


def test_no_gradient_reaches_the_regions():
    maps, rois = frames(1, 6, 6, 9), np.float32([[[3, 5, 70, 60], [20, 9, 33, 90]]])
    layer = PositionPool(3, 16, "align")
    assert not gradient(lambda x: keras.ops.sum(layer(maps, x)) + keras.ops.sum(x * 0), rois).any()


def test_average_by_hand():
    maps = frames(1, 3, 4, 8)  # two classes, 2x2 bins
    rois = np.array([[[0, 0, 32, 48], [16, 32, 64, 48]]], np.float32)
    pooled = array(PositionPool(2, 16, vote=False)(maps, rois))
    bins = maps.reshape(3, 4, 2, 2, 2)  # row, column, class, bin
    np.testing.assert_allclose(pooled[0, 0, 0, 1], bins[0:2, 1, :, 0, 1].mean(0), rtol=1e-5)
    np.testing.assert_allclose(pooled[0, 0, 1, 0], bins[1:3, 0, :, 1, 0].mean(0), rtol=1e-5)
    np.testing.assert_allclose(pooled[0, 1, 1, 1], bins[2, 2:4, :, 1, 1].mean(0), rtol=1e-5)


def test_compiled_bins_have_the_same_borders():
    random = np.random.default_rng(0)
    start, size = random.integers(0, 400, (2, 1, 1000, 2))
    rois = np.concatenate([start, start + size + 1], axis=-1).astype(np.float32)
    maps, layer = frames(1, 50, 50, 49), PositionPool(7, 16)
    model = keras.Model(inputs := [keras.Input(x.shape[1:]) for x in (maps, rois)], layer(*inputs))
    found = model.predict_on_batch([maps, rois])
    np.testing.assert_allclose(found, array(layer(maps, rois)), atol=1e-5)


def test_in_a_saved_model_and_in_half_precision(tmp_path):
    maps, rois = golden_case(3)
    inputs = keras.Input((11, 15, 36)), keras.Input((40, 4))
    expected = array(PositionPool(3, 16)(maps, rois))
    for dtype, tolerance in (("float32", 1e-6), ("mixed_float16", 2e-3)):
        model = keras.Model(inputs, PositionPool(3, 16, dtype=dtype)(*inputs))
        model.save(tmp_path / f"{dtype}.keras")
        loaded = keras.saving.load_model(tmp_path / f"{dtype}.keras")
        assert loaded.output.shape == (None, 40, 4)
        found = loaded.predict_on_batch([maps.astype(loaded.output.dtype), rois])
        np.testing.assert_allclose(found, expected, atol=tolerance)


def test_bad_arguments():
    with refuses("kind", "average or align", "maximum"):
        PositionPool(3, 16, "maximum")
    with refuses("maps", "multiple of 3x3", "35"):
        PositionPool(3, 16)(frames(1, 4, 4, 35), frames(1, 2, 4))
