"""From each data set as it is published to a trained and evaluated model, by the commands."""

import json

import pytest
from published_sets import (
    LAYOUTS,
    build,
    hmdb51,
    jester_kaggle,
    kinetics_cvdf,
    kinetics_frames,
    something_v1,
    something_v2,
    ucf101,
)
from testing import run_main

from tsm_tf.data import prepare
from tsm_tf.data.datasets.catalogue import DATA_SETS
from tsm_tf.evaluation import __main__ as evaluation
from tsm_tf.training import __main__ as training

OTHERS = (kinetics_cvdf, kinetics_frames, something_v1, something_v2, jester_kaggle, ucf101)


@pytest.mark.slow
def test_from_the_published_files_to_accuracy(tmp_path, capsys):
    from_the_published_files_to_accuracy(hmdb51, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("layout", OTHERS, ids=lambda layout: layout.__name__)
def test_other_data_sets(layout, tmp_path, capsys):
    from_the_published_files_to_accuracy(layout, tmp_path, capsys)


def from_the_published_files_to_accuracy(layout, tmp_path, capsys):
    (name,) = (name for name, layouts in LAYOUTS.items() if layout in layouts)
    source = build(tmp_path / "source", layout)
    data, run = tmp_path / "data", tmp_path / "run"

    run_main(prepare, f"--dataset={name}", f"--source={source}", f"--output={data}")
    run_main(
        training,
        f"--recipe={DATA_SETS[name].recipe}",
        "--model=mobilenet_v2_online",
        "--quick",
        f"--data={data}",
        f"--output={run}",
    )
    run_main(evaluation, f"--checkpoint={run / 'last'}", f"--data={data}")

    out = capsys.readouterr().out
    assert "epoch 2/2" in out
    labels = (data / "labels.txt").read_text().splitlines()
    for label in labels:
        assert f"  {label} (1 videos)\n" in out
    metrics = json.loads((run / "last/evaluation/val/metrics.json").read_text())
    assert 0 <= metrics["top1"] <= metrics["top5"] == 1
