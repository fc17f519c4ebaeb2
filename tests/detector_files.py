"""Files of small detectors: of an untrained network, and of one that finds bright rectangles."""

import pathlib
import tempfile

import tensorflow as tf
from detectors import small_spec
from weights import with_weights

from export.tflite.convert import convert
from export.tflite.draft import Draft
from tsm_tf.detection.rfcn import build_detector

SPEC = small_spec(labels=("ring", "cross", "ü"), input_height=64, input_width=96, fps=5.0)
_BACKGROUND = 150  # green up to this level


def write_detector(path: pathlib.Path) -> pathlib.Path:
    """Writes an online file of an untrained network, whose boxes depend on every pixel."""
    model = with_weights(build_detector(SPEC))
    kernel = model.get_layer("class_conv").kernel
    kernel.assign(kernel * 0.3)  # otherwise several scores are almost 1, and their order random
    path.write_bytes(Draft(convert(model, online=True)).seal(SPEC, "float32"))
    return path


def write_bright_detector(path: pathlib.Path) -> pathlib.Path:
    """Writes an online file that finds the bright rectangle in a frame, whatever the noise.

    Its boxes: that rectangle, class 0, score 0.9; where it was in the frame before, from a cache,
    class 1, score 0.6; a third one, class 2, score 0.2, which is too low to be shown.
    """
    module = _BrightDetector()
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, {"serving_default": module.serve})
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    path.write_bytes(Draft(content).seal(SPEC, "float32"))
    return path


class _BrightDetector(tf.Module):
    @tf.function(
        input_signature=[
            tf.TensorSpec((1, SPEC.input_height, SPEC.input_width, 3), name="image"),
            tf.TensorSpec((1, 1, 1, 4), name="shift_00"),
        ]
    )
    def serve(self, image, shift_00):
        green = tf.reduce_sum(image * [0.0, 1.0, 0.0], axis=3)
        light = tf.nn.relu(green - _BACKGROUND)
        total = tf.reduce_sum(light) + 1
        edges = []
        for axis, size in ((1, SPEC.input_height), (2, SPEC.input_width)):
            shape = [1, 1, 1]
            shape[axis] = size
            place = tf.reshape((tf.range(size, dtype=tf.float32) + 0.5) / size, shape)
            center = tf.reduce_sum(light * place) / total
            distance = tf.abs(place - center)
            half = 2 * tf.reduce_sum(light * distance) / total  # a rectangle's mean distance
            edges.append((center - half, center + half))

        corners = [edge for pair in zip(*edges, strict=True) for edge in pair]
        box = tf.concat([tf.reshape(edge, (1, 1, 1)) for edge in corners], axis=2)
        box = tf.minimum(tf.nn.relu(box), 1.0)
        present = tf.reshape(tf.minimum(total, 1.0), (1, 1))  # 1 always, but no constant
        third = tf.constant([[[0.25, 0.25, 0.5, 0.5]]]) * present
        rest = SPEC.max_detections - 3
        return {
            "boxes": tf.concat(
                [box, tf.reshape(shift_00, (1, 1, 4)), third, tf.zeros((1, rest, 4))], axis=1
            ),
            "classes": tf.constant([[0.0, 1.0, 2.0] + [0.0] * rest]) * present,
            "scores": tf.constant([[0.9, 0.6, 0.2] + [0.0] * rest]) * present,
            "count": tf.reshape(3 * present, (1,)),
            "shift_00": tf.reshape(box, (1, 1, 1, 4)),
        }
