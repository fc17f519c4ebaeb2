"""The modules `figures` and `curves`."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from true_boxes import detected_boxes, golden_boxes, true_boxes

from tsm_tf.detection.evaluation.curves import draw_curves
from tsm_tf.detection.evaluation.figures import compute_figures, write_figures

LABELS = ("bar", "a, ü", "$x$", "d", "e", "nothing")


@pytest.fixture(scope="module")
def results(golden_dir):
    golden = np.load(golden_dir / "detection.npz")
    true, detected = golden_boxes(golden)
    done = []
    better = compute_figures(detected, true, LABELS, with_coco=True, show=done.append)
    assert done == [1, 2, 3, 4, 5, 6]
    worse = compute_figures(detected.select(detected.scores > 0.5), true, LABELS, with_coco=True)
    return {"tsm": better, "r-fcn": worse}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files_have_all_figures(results, tmp_path):
    write_figures(tmp_path, results)
    rows = rows_of(tmp_path / "average_precision.csv")
    assert len(rows) == 2 * 7 and list(rows[0])[:7] == [
        *("detector", "class", "objects", "all", "slow", "medium", "fast")
    ]
    mean = rows[6]
    assert (mean["detector"], mean["class"], mean["objects"]) == ("tsm", "mean", "89")
    assert [mean[g] for g in ("all", "fast", "medium", "slow")] == [
        *("0.48435", "0.65008", "0.32044", "0.50159")
    ]
    assert rows[5] == dict(rows[5], objects="0", all="", slow="", coco_ap50="")
    assert rows[1]["class"] == "a, ü" and rows[1]["all"] == "0.75455"

    accuracy = rows_of(tmp_path / "class_accuracy.csv")
    assert {row["frames"] for row in accuracy} == {"all"} and len(accuracy) == 2 * 4
    summary = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert summary["tsm"]["mAP"]["fast"] == pytest.approx(0.65008, abs=5e-6)
    assert summary["tsm"]["coco_ap50"] == pytest.approx(results["tsm"].mean_coco)
    assert summary["r-fcn"]["mAP"]["all"] < summary["tsm"]["mAP"]["all"]


def test_coco_is_an_option(tmp_path):
    true = true_boxes([(0, 0, 0, 0, 50, 50, 1)], 1)
    figures = compute_figures(detected_boxes([(0, 0, 0.9, 0, 0, 50, 50)]), true, ("a",))
    write_figures(tmp_path, {"x": figures})
    assert figures.mean_coco is None and figures.mean("fast") is None and figures.mean("slow") == 1
    assert "coco_ap50" not in rows_of(tmp_path / "average_precision.csv")[0]


def test_curves_are_drawn(results, tmp_path):
    draw_curves(tmp_path, results)
    with Image.open(tmp_path / "precision_recall.png") as motion:
        assert motion.width > 2 * motion.height
    with Image.open(tmp_path / "precision_recall_classes.png") as classes:
        assert np.unique(np.array(classes.convert("RGB")).reshape(-1, 3), axis=0).shape[0] > 10


def test_curves_keep_their_size_beside_long_names(results, tmp_path):
    """Matplotlib warns, which is an error here, if legends leave no room for the curves."""
    names = [f"a_folder_of_runs_with_a_long_name_and_a_detector_{number}" for number in range(8)]
    draw_curves(tmp_path, dict.fromkeys(names, next(iter(results.values()))))
    draw_curves(tmp_path, dict.fromkeys(["x" * 120], next(iter(results.values()))))


def test_a_split_without_objects_has_empty_panels(tmp_path):
    true = true_boxes([], 3)
    figures = compute_figures(detected_boxes([(0, 0, 0.9, 0, 0, 50, 50)]), true, ("a",))
    draw_curves(tmp_path, {"x": figures})
    write_figures(tmp_path, {"x": figures})
    assert figures.mean("all") is None and (tmp_path / "precision_recall_classes.png").is_file()
