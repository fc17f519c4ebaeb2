"""Each network in the catalogue as a clip file, in the variants that README names for devices."""

import numpy as np
import pytest
from every_network import BACKBONES, every_network, settled_model, small_spec
from testing import refuses

from export.format.metadata import read_contents
from export.parity import keras_logits, run_clips
from export.runtime import load_runner
from export.sample_clips import from_gestures
from export.tflite import export_model
from export.tflite.export_settings import output_paths
from tsm_tf.catalogue import find_architecture

BOUNDS = {"float32": 1e-4, "float16": 0.02, "weight_only": 0.15, "int8": 0.5}
"""Largest difference of a logit by variant, relative to the range of all logits."""

EXPORTED = [name for name in BACKBONES if not find_architecture(name).takes_boxes]


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
@every_network(*EXPORTED)
def test_clip_files(backbone, tmp_path):
    model = settled_model(small_spec(backbone))
    paths = export_model(model, tmp_path, online=False, variants=tuple(BOUNDS), num_videos=4)
    clips = from_gestures(model.spec, 4)  # on which int8 files are calibrated without videos
    expected = keras_logits(model, clips, False)
    for path in paths:
        variant, found = read_contents(path).variant, run_clips(load_runner(path), clips, path)
        difference = np.abs(found - expected).max() / np.ptp(expected)
        assert difference < BOUNDS[variant], variant


def test_networks_with_boxes_are_refused(tmp_path):
    for backbone in set(BACKBONES) - set(EXPORTED):
        with refuses("backbone", "takes no boxes", backbone):
            output_paths(small_spec(backbone), tmp_path, ("float32",), False)
