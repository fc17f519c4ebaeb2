from true_boxes import detected_boxes, true_boxes

from tsm_tf.detection.evaluation.class_accuracy import class_accuracies, false_alarms

ROWS = [
    (0, 0, 0, 0, 50, 50, 0.5),
    (0, 1, 100, 0, 150, 50, 0.95),
    (1, 0, 0, 0, 50, 50, 0.5),
    (1, 1, 100, 0, 150, 50, 0.95),
]
DETECTED = detected_boxes(
    [
        (0, 0, 0.9, 0, 0, 50, 50),  # right
        (0, 0, 0.8, 100, 0, 150, 50),  # found with the wrong class, better than the right one
        (0, 1, 0.7, 100, 0, 150, 50),
        (1, 1, 0.6, 0, 0, 50, 50),  # wrong
        (1, 1, 0.05, 100, 0, 150, 50),  # not sure enough
        (1, 1, 0.55, 300, 300, 350, 350),  # there is nothing
        (0, 1, 0.45, 300, 300, 350, 350),
    ]
)


def counts(rows):
    return {(r.frames, r.motion): (r.num_objects, r.num_found, r.num_right) for r in rows}


def test_class_of_the_best_detection_counts():
    found = counts(class_accuracies(DETECTED, true_boxes(ROWS, 2)))
    assert found == {
        ("all", "all"): (4, 3, 1),
        ("all", "slow"): (2, 1, 0),
        ("all", "medium"): (0, 0, 0),
        ("all", "fast"): (2, 2, 1),
    }


def test_sharp_and_degraded_objects():
    true = true_boxes(ROWS, 2, degraded=[False, False, True, True])
    rows = class_accuracies(DETECTED, true)
    found = counts(rows)
    assert found["sharp", "all"] == (2, 2, 1) and found["degraded", "all"] == (2, 1, 0)
    assert found["degraded", "fast"] == (1, 1, 0)
    by_name = {(row.frames, row.motion): row for row in rows}
    assert by_name["sharp", "all"].found == 1 and by_name["sharp", "all"].accuracy == 0.5
    assert by_name["degraded", "slow"].accuracy is None
    assert by_name["sharp", "medium"].found is None


def test_alarms_where_nothing_is():
    assert false_alarms(DETECTED, true_boxes(ROWS, 2)) == 50  # one in two frames
    assert false_alarms(DETECTED, true_boxes(ROWS, 8)) == 12.5
