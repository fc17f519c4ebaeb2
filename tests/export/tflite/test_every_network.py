"""Each network in the catalogue as a clip file, in the variants that README names for devices."""

import numpy as np
import pytest
from every_network import BACKBONES, every_network, small_spec
from testing import refuses
from weights import with_weights

from export.format.metadata import read_contents
from export.parity import keras_logits, prove
from export.sample_clips import drawn_patterns
from export.tflite import export_model
from export.tflite.export_settings import output_paths
from tsm_tf import build_model
from tsm_tf.catalogue import find_architecture

BOUNDS = {"float32": 1e-4, "float16": 0.02, "weight_only": 0.15, "int8": 0.5}
"""Largest difference of a logit by variant, relative to the range of the logits."""

EXPORTED = [name for name in BACKBONES if not find_architecture(name).takes_boxes]


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
@every_network(*EXPORTED)
def test_clip_files(backbone, tmp_path):
    model = with_weights(build_model(small_spec(backbone)))
    paths = export_model(model, tmp_path, online=False, variants=tuple(BOUNDS), num_videos=4)
    clips = drawn_patterns(model.spec, 4, model.spec.num_segments)
    expected = keras_logits(model, clips, False)
    for path in paths:
        variant = read_contents(path).variant
        proof = prove(path, clips, expected)
        assert proof.difference < BOUNDS[variant] * np.ptp(expected), variant


def test_networks_with_boxes_are_refused(tmp_path):
    for backbone in set(BACKBONES) - set(EXPORTED):
        with refuses("backbone", "takes no boxes", backbone):
            output_paths(small_spec(backbone), tmp_path, ("float32",), False)
