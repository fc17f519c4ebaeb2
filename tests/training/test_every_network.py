"""Each network in the catalogue, trained by the command, saved, loaded and evaluated by it."""

import json

import keras
import numpy as np
import pytest
from boxes import random_boxes, write_boxes
from every_network import BACKBONES, every_network, inputs_of, small_spec
from testing import array, run_main
from videos import write_data

from tsm_tf import load_checkpoint, save_checkpoint
from tsm_tf.catalogue import find_architecture
from tsm_tf.data.listing import Listing
from tsm_tf.evaluation import __main__ as evaluation
from tsm_tf.training import __main__ as training

LABELS = ("left", "right", "none")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_data(tmp_path_factory.mktemp("data"), {"train": 4, "val": 3}, labels=LABELS)
    listing = Listing(folder)
    videos = [video for split in ("train", "val") for video in listing.videos(split)]
    names = sorted({video.name for video in videos})
    write_boxes(folder, names, random_boxes(len(names)))
    return folder


@every_network()
def test_commands(backbone, data, tmp_path, capsys):
    spec, run = small_spec(backbone), tmp_path / "run"
    sizes = ("width", "num_segments", "input_size", "backbone")
    run_main(
        training,
        "--recipe=gestures",
        f"--data={data}",
        f"--output={run}",
        "--epochs=1",
        "--batch_size=2",
        *(f"--{name}={getattr(spec, name)}" for name in sizes),
    )
    model = load_checkpoint(run)
    assert {name: getattr(model.spec, name) for name in sizes} == {
        name: getattr(spec, name) for name in sizes
    }
    assert_saved_as_it_is(model, tmp_path)

    views = ("--clips=2", "--sampling=twice", "--crops=3")
    report = tmp_path / "report"
    run_main(evaluation, f"--checkpoint={run}", f"--data={data}", f"--output={report}", *views)
    metrics = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    assert 0 <= metrics["top1"] <= 1 and metrics["protocol"] == "twice_2x3"
    assert "top-1" in capsys.readouterr().out


def assert_saved_as_it_is(model, folder):
    """Checks that a model's logits survive `.keras` and a checkpoint."""
    spec = model.spec
    inputs = inputs_of(spec)
    expected = array(model(inputs, training=False))
    assert np.isfinite(expected).all() and np.ptp(expected) > 0

    model.save(folder / "model.keras")
    save_checkpoint(model, folder / "checkpoint")
    for loaded in (
        keras.saving.load_model(folder / "model.keras"),
        load_checkpoint(folder / "checkpoint"),
    ):
        assert loaded.spec == spec
        np.testing.assert_allclose(array(loaded(inputs, training=False)), expected, 1e-5, 1e-5)


def test_the_table_has_all_kinds():
    """Small specs exist for each row, and two networks that take clips and boxes are among them."""
    specs = [small_spec(name) for name in BACKBONES]
    assert {spec.takes_clips for spec in specs} == {True, False}
    assert any(find_architecture(name).takes_boxes for name in BACKBONES)
    assert len(BACKBONES) > 25
