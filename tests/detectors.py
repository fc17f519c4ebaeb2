"""Small detectors and samples that tests share."""

import numpy as np

from tsm_tf.detector_spec import DetectorSpec


def small_spec(**fields):
    """A detector for frames of 48x64 pixels, with three classes and clips of three frames."""
    values = {
        "backbone": "resnet_small",
        "num_classes": 3,
        "labels": ("cat", "dog", "fox"),
        "num_segments": 3,
        "input_height": 48,
        "input_width": 64,
        "feature_stride": 8,
        "detector_channels": 16,
        "detector_dilation": 1,
        "anchor_scales": (2, 3),
        "anchor_ratios": (1,),
        "num_proposals": 12,
        "bins": 2,
        "max_detections": 10,
    }
    return DetectorSpec(**{**values, **fields})


def awaken(model, seed=0):
    """Gives the heads large weights, so that scores differ and several boxes are found."""
    rng = np.random.default_rng(seed)
    for name in ("object_conv", "delta_conv", "class_conv", "box_conv"):
        layer = model.get_layer(name)
        layer.set_weights([rng.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    return model


def samples(count, spec, seed=0):
    """Clips of bright squares on noise, with their boxes; the class is the colour."""
    rng = np.random.default_rng(seed)
    shape = (count, spec.num_segments, spec.input_height, spec.input_width, 3)
    clips = rng.integers(0, 120, shape).astype(np.uint8)
    boxes = np.zeros((*shape[:2], 3, 4), np.float32)
    classes = np.full((*shape[:2], 3), -1, np.int32)
    for index in np.ndindex(*shape[:2]):
        side = rng.integers(14, 24)
        x, y = rng.integers(0, spec.input_width - side), rng.integers(0, spec.input_height - side)
        color = rng.integers(0, 3)
        clips[index][y : y + side, x : x + side, color] = 255
        boxes[index][0] = x, y, x + side, y + side
        classes[index][0] = color
    return clips, {"boxes": boxes, "classes": classes}
