from detectors import small_spec
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.any_spec import any_spec_from_dict, frame_shape, read_any_spec


def test_each_kind_is_read_as_its_own():
    for spec in (ModelSpec(num_classes=3, modality="flow"), small_spec()):
        assert read_any_spec(spec.to_json()) == any_spec_from_dict(spec.to_dict()) == spec
    assert frame_shape(ModelSpec(input_size=64, modality="flow")) == (64, 64, 10)
    assert frame_shape(small_spec()) == (48, 64, 3)


def test_other_kinds_are_refused():
    with refuses("ModelSpec", "has the keys", "kind"):
        read_any_spec('{"kind": "tracker"}')
    with refuses("DetectorSpec", "has the keys", "input_size"):
        read_any_spec('{"kind": "detector", "input_size": 224}')
    with refuses("spec", "must be a JSON object"):
        read_any_spec("[1]")
