import pytest

from tsm_tf.training.run_folder.curves import plot_curves, write_log

ROW = {
    "seconds": 2.5,
    "val_accuracy": 0.5,
    "accuracy": 0.25,
    "val_loss": 1.5,
    "epoch": 1,
    "loss": 2.0,
    "learning_rate": 0.01,
}


def test_log_has_one_order_of_columns(tmp_path):
    write_log([ROW, dict(reversed(ROW.items())) | {"epoch": 2}], tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text().splitlines() == [
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds",
        "1,2.0,0.25,1.5,0.5,0.01,2.5",
        "2,2.0,0.25,1.5,0.5,0.01,2.5",
    ]


@pytest.mark.parametrize(("metric", "title"), [("accuracy", "top-1"), ("map", "map")])
def test_curves_show_the_loss_and_the_metric(tmp_path, monkeypatch, metric, title):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: figures.append((self, path)))
    monkeypatch.setattr("os.replace", lambda *_: None)
    row = {"epoch": 1, "loss": 2.0, "val_loss": 1.5, metric: 0.25, f"val_{metric}": 0.5}
    plot_curves([row, {**row, "epoch": 2, metric: 0.75}], tmp_path / "curves.png", metric)

    ((figure, _),) = figures
    loss, other = figure.axes
    assert (loss.get_title(), other.get_title()) == ("loss", title)
    training, validation = other.get_lines()
    assert list(training.get_xdata()) == [1, 2]
    assert list(training.get_ydata()) == [0.25, 0.75] and list(validation.get_ydata()) == [0.5, 0.5]
