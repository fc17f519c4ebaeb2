"""Writes checkpoints of R-FCN with fresh weights, online TSM and on single frames, for timing.

python -m benchmarks.fresh_detectors --output=build/detectors
"""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.detector_spec import DetectorSpec

NAMES = ("tsm", "per_frame")
"""Folders of the checkpoints."""

_SHIFT_MODES = dict(zip(NAMES, ("unidirectional", "none"), strict=True))
_SPEC = DetectorSpec(
    backbone="resnet50",
    input_height=256,
    input_width=416,
    detector_channels=256,
    num_proposals=100,
    max_detections=100,
    fps=8,
)
_HEAD = ("object_conv", "delta_conv", "class_conv", "box_conv")
_FACTOR = 2.0  # otherwise all scores are nearly equal, and selecting boxes is a matter of rounding


def define_flags():
    flags.DEFINE_string("output", None, "Folder for the checkpoints.", required=True)


def main():
    output = pathlib.Path(flags.FLAGS.output)

    import keras

    from tsm_tf.detection.checkpoint import save_detector
    from tsm_tf.detection.rfcn import build_detector

    for name, shift_mode in _SHIFT_MODES.items():
        keras.utils.set_random_seed(0)
        model = build_detector(_SPEC.replace(shift_mode=shift_mode))
        for layer in map(model.get_layer, _HEAD):
            layer.set_weights([_FACTOR * values for values in layer.get_weights()])
        save_detector(model, output / name)


if __name__ == "__main__":
    cli.run(main, define_flags)
