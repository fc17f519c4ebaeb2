import matplotlib.image
import pytest

from export.benchmark_plots import plot, plot_curve


@pytest.fixture
def rows():
    """Three models on two runtimes."""
    return [
        {
            "model": f"size{size}/a.tflite",
            "variant": "float32",
            "multiply_adds": 10**6 * size,
            "p50_ms": 0.5 * size * factor,
            "ratio": size / 3,
            "threads": 1,
            "runtime": runtime,
            "device": "a device",
        }
        for runtime, factor in (("one 1.0", 1.0), ("two 2.0", 0.8))
        for size in (1, 2, 3)
    ]


@pytest.mark.parametrize("draw", [plot, plot_curve])
def test_draws_a_picture_that_the_rows_decide(draw, rows, tmp_path):
    draw(rows, tmp_path / "a.png")
    draw(rows, tmp_path / "same.png")
    rows[1]["p50_ms"] *= 2
    draw(rows, tmp_path / "b.png")

    a, same, b = (matplotlib.image.imread(tmp_path / f"{name}.png") for name in ("a", "same", "b"))
    assert a.shape[0] > 400 and a.std() > 0.05
    assert (a == same).all()
    assert a.shape != b.shape or (a != b).any()
    assert len(list(tmp_path.iterdir())) == 3  # no temporary file stays
