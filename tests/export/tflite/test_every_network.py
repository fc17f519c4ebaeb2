"""Each network in the catalogue as a clip file, in the variants that README names for devices."""

import numpy as np
import pytest
from every_network import BACKBONES, calm_model, every_network, small_spec
from testing import refuses

from export import sample_clips
from export.format.metadata import read_contents
from export.parity import keras_logits, run_clips
from export.runtime import load_runner
from export.sample_clips import drawn_patterns
from export.tflite import export_model
from export.tflite.export_settings import output_paths
from tsm_tf.catalogue import find_architecture

BOUNDS = {"float32": 1e-4, "float16": 0.02, "weight_only": 0.15, "int8": 0.5}
"""Largest difference of a logit by variant, relative to the range of all logits."""

EXPORTED = [name for name in BACKBONES if not find_architecture(name).takes_boxes]


@pytest.mark.filterwarnings("ignore:tflite-runtime has no fast int8")
@every_network(*EXPORTED)
def test_clip_files(backbone, tmp_path, monkeypatch):
    """The ranges of int8 files and the comparison are those of the same clips."""
    spec = small_spec(backbone)
    clips = drawn_patterns(spec, 4, spec.num_segments)
    monkeypatch.setattr(sample_clips, "from_gestures", lambda *_: clips)
    model = calm_model(spec)
    paths = export_model(model, tmp_path, online=False, variants=tuple(BOUNDS), num_videos=4)
    expected = keras_logits(model, clips, False)
    for path in paths:
        variant, found = read_contents(path).variant, run_clips(load_runner(path), clips, path)
        difference = np.abs(found - expected).max() / np.ptp(expected)
        assert difference < BOUNDS[variant], variant


def test_networks_with_boxes_are_refused(tmp_path):
    for backbone in set(BACKBONES) - set(EXPORTED):
        with refuses("backbone", "takes no boxes", backbone):
            output_paths(small_spec(backbone), tmp_path, ("float32",), False)
