"""Specs of both kinds of models, classifiers and detectors."""

from collections.abc import Mapping
from typing import Any

from tsm_tf.catalogue import RGB_CHANNELS
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import DETECTOR, KIND, read_object

AnySpec = ModelSpec | DetectorSpec


def read_any_spec(text: str) -> AnySpec:
    """Returns the spec that `to_json` of either class wrote.

    Raises:
        InputError: not a JSON object, another kind of model, or a value that cannot be built.
    """
    return any_spec_from_dict(read_object(text, kind=None))


def any_spec_from_dict(values: Mapping[str, Any]) -> AnySpec:
    """Returns the spec that `to_dict` of either class returned; raises as `read_any_spec` does."""
    if values.get(KIND) == DETECTOR:
        return DetectorSpec.from_dict(values)
    return ModelSpec.from_dict(values)


def frame_shape(spec: AnySpec) -> tuple[int, int, int]:
    """Returns height, width and channels of a frame."""
    if isinstance(spec, DetectorSpec):
        return spec.input_height, spec.input_width, RGB_CHANNELS
    return spec.input_size, spec.input_size, spec.channels
