"""Models of optical flow, from videos to a report: computed flow, training, evaluation."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from testing import refuses
from videos import write_data

from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.flow.extract import extract_flow
from tsm_tf.data.flow.tv_l1 import FlowSettings
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.modality import source_of
from tsm_tf.evaluation.early import early_accuracies
from tsm_tf.evaluation.evaluate import evaluate
from tsm_tf.evaluation.scores import Scores
from tsm_tf.evaluation.worst import write_worst
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution
from tsm_tf.training.train import train
from tsm_tf.weights.checkpoint import load_checkpoint

TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 1,
    "batch_size": 2,
    "num_segments": 2,
    "input_size": 32,
    "shift_mode": "bidirectional",
}
SETTINGS = FlowSettings(short_side=36)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 3, "val": 2}, size=(44, 36))


@pytest.fixture(scope="module")
def flow(videos, tmp_path_factory):
    output = tmp_path_factory.mktemp("flow") / "out"
    extract_flow(Listing(videos), output, SETTINGS)
    return output


@pytest.fixture(scope="module")
def run(flow, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "flow"
    recipe = get_recipe("gestures", modality="flow", mixup=0.2, **TINY)
    train(recipe, flow, output, execution=Execution(strategy="none"))
    return output


def test_trains_and_evaluates(run, flow, tmp_path):
    settings = json.loads((run / "run.json").read_text())
    assert settings["modality"] == "flow"
    spec = load_checkpoint(run).spec
    assert spec.channels == 10 and set(spec.mean) == {0.5} and set(spec.std) == {0.226}
    assert spec.fps is None

    metrics = evaluate(run, flow, tmp_path / "report")
    assert metrics["videos"] == 2 and 0 <= metrics["top1"] <= 1

    scores = Scores.load(tmp_path / "report" / "scores.npz")
    wrong = dataclasses.replace(scores, labels=1 - scores.predicted)
    sheet = tmp_path / "worst.png"
    assert write_worst(wrong, Listing(flow), "val", 24, sheet, "flow") == 2
    with Image.open(sheet) as image:
        row = np.asarray(image)[-100]  # through the frames
    assert (row.min(axis=-1) == 0).sum() > 500  # black, or full colours


@pytest.mark.slow
def test_early_recognition_sees_a_part_of_the_flow(run, flow):
    assert len(early_accuracies(load_checkpoint(run), Listing(flow), "val")) == 10


def test_predicts_the_same_from_a_video_file(run, flow, videos):
    """At run time, the flow is the stored one."""
    model, listing = load_checkpoint(run), Listing(flow)
    stored = [center_clip(v, model.spec, source_of(listing, "flow")) for v in listing.videos("val")]
    source = ComputedFlow(settings=SETTINGS)
    computed = [center_clip(v, model.spec, source) for v in Listing(videos).videos("val")]
    np.testing.assert_array_equal(computed, stored)
    assert model.predict_on_batch(np.stack(computed)).shape == (2, 2)


def test_rgb_models_and_flow_are_refused_and_the_reverse(run, flow, videos, tmp_path):
    with refuses("modality", "must be flow, as the data are", "rgb"):
        train(get_recipe("gestures", **TINY), flow, tmp_path / "run")
    with refuses("modality", "must be rgb, as the data are", "flow"):
        train(get_recipe("gestures", modality="flow", **TINY), videos, tmp_path / "run")
    with refuses("modality", "must be rgb, as the data are", "flow"):
        evaluate(run, videos, tmp_path / "report")
    with refuses("data", "RGB videos to compute optical flow from"):
        extract_flow(Listing(flow), tmp_path / "again")
    assert not (tmp_path / "run").exists() and not (tmp_path / "again").exists()
