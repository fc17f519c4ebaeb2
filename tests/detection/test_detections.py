import subprocess
import sys

import numpy as np

from tsm_tf.detection.detections import Detections


def test_those_above_a_score():
    boxes = np.arange(12, dtype="f4").reshape(3, 4)
    found = Detections(boxes, np.array([2, 0, 1]), np.array([0.9, 0.5, 0.2], "f4"))
    shown = found.above(0.5)
    assert shown.classes.tolist() == [2, 0]
    np.testing.assert_array_equal(shown.boxes, boxes[:2])
    assert [len(values) for values in found.above(1)] == [0, 0, 0]
    assert found.above(0).scores.tolist() == found.scores.tolist()


def test_devices_need_only_numpy():
    code = "import sys, tsm_tf.detection.detections; print({'keras', 'scipy'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
