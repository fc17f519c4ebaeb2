import keras
import pytest
from detectors import awaken, small_spec
from weights import with_weights

from tsm_tf import ModelSpec, build_model
from tsm_tf.data.synthetic.render import render
from tsm_tf.detection.rfcn import build_detector

SPEC = ModelSpec(
    num_classes=4, labels=("a", "b", "c", "ü"), num_segments=4, input_size=32, width=0.35, fps=5.0
)


@pytest.fixture(scope="session")
def model():
    return with_weights(build_model(SPEC))


@pytest.fixture(scope="session")
def online(model, tmp_path_factory):
    from export.tflite import export_model

    return export_model(model, tmp_path_factory.mktemp("online"), online=True)[0]


@pytest.fixture(scope="session")
def clip(model, tmp_path_factory):
    from export.tflite import export_model

    return export_model(model, tmp_path_factory.mktemp("clip"), online=False)[0]


@pytest.fixture(scope="session")
def int8(model, tmp_path_factory):
    from int8 import convert_int8

    from export.tflite.draft import Draft

    path = tmp_path_factory.mktemp("int8") / "small_int8.tflite"
    path.write_bytes(Draft(convert_int8(model)).seal(model.spec, "edgetpu"))
    return path


@pytest.fixture(scope="session")
def detector():
    """A detector that finds several boxes in any frame, from the best 60 of its 96 anchors."""
    keras.utils.set_random_seed(0)
    return awaken(build_detector(small_spec(num_candidates=60, fps=5.0)))


@pytest.fixture(scope="session")
def detector_file(detector, tmp_path_factory):
    from export.tflite import export_model

    return export_model(detector, tmp_path_factory.mktemp("detector"), online=True)[0]


@pytest.fixture(scope="session")
def gestures(tmp_path_factory):
    """A folder of videos: 18 to calibrate on, 9 to compare on."""
    folder = tmp_path_factory.mktemp("gestures") / "data"
    render(folder, {"train": 18, "val": 9})
    return folder
