import dataclasses

import numpy as np
import pytest
from PIL import Image
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec
from tsm_tf.catalogue import ARCHITECTURES, find_architecture
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.evaluation.scores import Scores
from tsm_tf.evaluation.worst import Mistake, find_mistakes, flow_pictures, write_worst

LABELS = ("Swiping Left", "costs $5", "👋")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=6, input_size=32)
SURE, UNSURE = np.log(18), np.log(2)  # probabilities of 0.9 and 0.5 against two zeros


@pytest.fixture(scope="module")
def listing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, {"val": 4}, size=(160, 120), labels=LABELS)
    return Listing(folder)


def scores_of(listing, logits, spec=SPEC, labels=(0, 1, 2, 0)):
    return Scores(
        logits=np.array(logits, np.float32),
        labels=np.array(labels),
        names=tuple(video.name for video in listing.videos("val")),
        classes=LABELS,
        protocol="efficient",
        spec=spec,
    )


@pytest.fixture
def scores(listing):
    """All but the second are wrong; the model is surest about the last."""
    logits = [[0, UNSURE, 0], [0, SURE, 0], [0, UNSURE, 0], [0, 0, SURE]]
    return scores_of(listing, logits)


def test_mistakes_by_hand(scores):
    last, first, third = find_mistakes(scores)
    assert last == Mistake(3, pytest.approx(0.9), "true: Swiping Left", "predicted 90.0%: class 2")
    assert first == Mistake(
        0, pytest.approx(0.5), "true: Swiping Left", "predicted 50.0%: costs $5"
    )
    assert (third.index, third.true) == (2, "true: class 2")


def test_mistakes_of_a_multi_label_model_by_hand(listing):
    """Thresholds are 0.5 and 0.95: the logit 2 (88%) is not enough for the second class."""
    spec = SPEC.replace(multi_label=True, thresholds=(0.5, 0.95, 0.5))
    logits = [[3, -3, -3], [3, 2, -3], [1, 4, -5], [-3, -3, -1]]
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1]], bool)
    found = find_mistakes(scores_of(listing, logits, spec, labels))
    assert [(mistake.index, mistake.true, mistake.predicted) for mistake in found] == [
        (2, "true: Swiping Left; class 2", "missed, predicted 0.7%: class 2"),
        (1, "true: costs $5", "not there, predicted 95.3%: Swiping Left"),
        (3, "true: class 2", "missed, predicted 26.9%: class 2"),
    ]
    none = scores_of(listing, logits, spec, np.zeros((4, 3), bool))
    assert find_mistakes(none)[0].true == "true: no class"


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_sheet_shows_frames_of_the_videos_along_time(listing, scores, tmp_path):
    path = tmp_path / "worst.png"
    assert write_worst(scores, listing, "val", 2, path, "runs/a, val") == 2
    sheet = read(path)
    assert sheet.shape == (2 * 18 + 20 + 58 + 128 + 10, 2 * (520 + 10) + 10, 3)

    videos = listing.videos("val")
    for video, left in ((videos[3], 10), (videos[0], 540)):
        clip = center_clip(video, SPEC.replace(input_size=128), listing.source)
        for number, frame in enumerate(clip[[0, 2, 3, 5]]):
            shown = sheet[-138:-10, left + 130 * number :][:, :128]
            np.testing.assert_array_equal(shown, frame)
        text = sheet[56:114, left : left + 520]
        for color in ((105, 115, 125), (20, 110, 50), (180, 35, 35)):
            assert (text == color).all(axis=-1).any(), color


def test_fewer_mistakes_than_asked_for(listing, scores, tmp_path):
    assert write_worst(scores, listing, "val", 24, tmp_path / "worst.png", "runs/a, val") == 3
    assert read(tmp_path / "worst.png").shape[1] == 3 * 530 + 10


def test_a_second_row(listing, scores, tmp_path):
    all_wrong = scores_of(listing, scores.logits, labels=(0, 0, 0, 0))
    assert write_worst(all_wrong, listing, "val", 4, tmp_path / "worst.png", "runs/a, val") == 4
    assert read(tmp_path / "worst.png").shape == (56 + 2 * 196, 3 * 530 + 10, 3)


def test_without_mistakes_the_sheet_says_so_and_replaces_an_older_one(listing, scores, tmp_path):
    path = tmp_path / "worst.png"
    path.write_text("older")
    right = scores_of(listing, scores.logits, labels=scores.predicted)
    assert write_worst(right, listing, "val", 24, path, "runs/a, val") == 0
    assert read(path).shape[0] == 56


def test_two_segments_have_two_frames(listing, scores, tmp_path):
    few = scores_of(listing, scores.logits, SPEC.replace(num_segments=2))
    write_worst(few, listing, "val", 1, tmp_path / "worst.png", "runs/a, val")
    sheet = read(tmp_path / "worst.png")
    assert (sheet[-100, 10:138] < 255).any(axis=-1).all() and (sheet[-100, 270:] == 255).all()


def test_a_network_with_frames_of_one_size(listing, scores, tmp_path, monkeypatch):
    """The pictures have another size."""
    row = dataclasses.replace(find_architecture(SPEC.backbone), name="only32", sizes=(32, 32))
    monkeypatch.setitem(ARCHITECTURES, "only32", row)
    fixed = scores_of(listing, scores.logits, SPEC.replace(backbone="only32"))
    assert write_worst(fixed, listing, "val", 1, tmp_path / "worst.png", "runs/a, val") == 1


def test_refuses_scores_of_other_videos(listing, scores, tmp_path):
    write_data(tmp_path / "other", {"val": 3}, labels=LABELS)
    with refuses("scores", "videos in val", "4"):
        write_worst(scores, Listing(tmp_path / "other"), "val", 24, tmp_path / "worst.png", "a")


def test_flow_is_shown_as_colours():
    """Right is red, down is between yellow and green, left is cyan, rest is black."""
    flow = np.full((1, 1, 4, 10), 128, np.uint8)
    flow[0, 0, 0, 0] = 255
    flow[0, 0, 1, 1] = 255
    flow[0, 0, 2, 0] = 1
    right, down, left, rest = flow_pictures(flow)[0, 0].tolist()
    assert right == [255, 0, 0] and left == [0, 255, 255] and rest == [0, 0, 0]
    assert down[1] == 255 and 120 < down[0] < 135 and down[2] == 0


def test_little_flow_is_dark():
    flow = np.full((1, 2, 2, 2), 129, np.uint8)
    assert flow_pictures(flow).max() < 40
