import keras
import numpy as np
import pytest
import tensorflow as tf
from detectors import samples, small_spec

from tsm_tf.detection.recipes import get_recipe
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.detection.training.model import DetectorTraining
from tsm_tf.detection.training.validation import mean_average_precision

BOX, OTHER = (10, 10, 40, 40), (60, 60, 90, 90)


def targets(*classes):
    """Two frames of one clip with a box each; -1 is padding."""
    boxes = np.float32([[[BOX, OTHER], [OTHER, BOX]]])
    return {"boxes": boxes, "classes": np.int32([[[c, -1] for c in classes]])}


def detections(scores, classes):
    boxes = np.float32([[[BOX, OTHER], [BOX, OTHER]]])
    return {
        "boxes": boxes,
        "classes": np.int32([classes]),
        "scores": np.float32([scores]),
        "count": np.int32([[2, 2]]),
    }


def test_average_precision_of_hand_made_detections():
    true = [targets(0, 0)]  # BOX in the first frame, OTHER in the second
    found = [detections([[0.9, 0.2], [0.1, 0.8]], [[0, -1], [-1, 0]])]
    assert mean_average_precision(found, true, 2) == pytest.approx(1)
    # The best detection is wrong: precision 1/2 at half of the objects, 2/3 at all of them.
    found = [detections([[0.9, 0.95], [0.1, 0.8]], [[0, 0], [-1, 0]])]
    assert mean_average_precision(found, true, 2) == pytest.approx(2 / 3)
    # Another class; a class without objects does not count.
    found = [detections([[0.9, 0.2], [0.1, 0.8]], [[1, -1], [-1, 0]])]
    assert mean_average_precision(found, true, 3) == pytest.approx(1 / 2)
    assert mean_average_precision(found, [targets(0, 1)], 2) == 0
    # Batches are different frames.
    assert mean_average_precision(found * 2, true * 2, 3) == pytest.approx(1 / 2)
    assert mean_average_precision(found, [targets(-1, -1)], 2) == 0


def test_evaluate_calls_callbacks_as_keras_does():
    events = []

    class Record(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            events.append("begin")

        def on_test_batch_end(self, batch, logs=None):
            events.append(batch)

        def on_test_end(self, logs=None):
            events.append(sorted(logs))

    model = DetectorTraining(build_detector(small_spec()), get_recipe("shapes"))
    model.compile("sgd")
    dataset = tf.data.Dataset.from_tensor_slices(samples(3, model.clip_model.spec)).batch(2)
    callbacks = keras.callbacks.CallbackList([Record()], model=model)
    results = model.evaluate(dataset, callbacks=callbacks, return_dict=True)
    assert events == ["begin", 0, 1, ["loss", "mAP"]]
    assert results["loss"] > 0 and 0 <= results["mAP"] <= 1
    assert model.evaluate(dataset)[1] == results["mAP"]
