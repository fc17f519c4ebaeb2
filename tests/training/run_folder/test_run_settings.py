import json

import av
import keras
import numpy as np
import pytest
from testing import refuses

from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.run_folder.run_settings import (
    LAUNCHES_FILE,
    RUN_FILE,
    claim,
    disk_errors,
    log_launch,
    run_settings,
)
from tsm_tf.training.settings import Initialization

OLD = {
    "data": "data/gestures",
    "data_digest": "ab12",
    "labels": ["Left", "Right"],
    "init": None,
    "weights": None,
    "teacher": None,
    "distill_weight": 0.5,
    "temperature": 2.0,
    "mixed_precision": None,
    "backbone": "mobilenet_v2",
    "width": 0.35,
    "num_segments": 8,
    "shift_mode": "unidirectional",
    "epochs": 10,
    "batch_size": 16,
    "learning_rate": 0.003,
    "weight_decay": 0.02,
    "non_local": False,
    "input_size": 48,
    "dropout": 0.0,
    "start": None,
    "warmup_epochs": 1,
    "warmup_rate": 0.0,
    "schedule": "cosine",
    "decay_epochs": [],
    "scales": [1, 0.875],
    "shift_div": 4,
    "optimizer": "adamw",
    "momentum": 0.9,
    "clip_norm": 20.0,
    "partial_bn": False,
    "flips": "auto",
    "drop_last": False,
    "accumulate": 1,
    "seed": 0,
}
"""What an older version wrote for the recipe `gestures`."""


def settings(**changes):
    data = {"data": "data/gestures", "data_digest": "ab12", "labels": ("Left", "Right")}
    recipe = get_recipe("gestures", **changes)
    return {**data, **run_settings(recipe, Initialization(), mixed_precision=None)}


def test_settings_keep_their_names():
    added = {"shift_place": "blockres", "modality": "rgb", "temporal_pool": False}
    added |= {"consensus": "average", "streams": None, "clip_epochs": 0, "sampling_rate": "native"}
    added |= {"crop": "multi_scale", "crop_area": [0.08, 1.0], "crop_aspect": [0.75, 1.3333]}
    added |= {"zoom": [1.143, 1.429], "color_jitter": [0.0] * 4}
    added |= {"randaugment_ops": 0, "randaugment_magnitude": 9.0, "mixup": 0.0, "cutmix": 0.0}
    assert json.loads(json.dumps(settings())) == {**OLD, **added}
    assert run_settings(get_recipe("ucf101"), Initialization(), None)["start"] == "kinetics"


def test_a_folder_belongs_to_one_run(tmp_path):
    run = tmp_path / "run"
    claim(run, settings())
    claim(run, settings())
    assert json.loads((run / RUN_FILE).read_text())["shift_place"] == "blockres"
    with refuses("output", "another epochs", "has 10", "Received: 3"):
        claim(run, settings(epochs=3))
    with refuses("output", "another shift_place", "Received: 'block'"):
        claim(run, settings() | {"shift_place": "block"})
    (tmp_path / "file").touch()
    with refuses("output", "new or empty"):
        claim(tmp_path, settings())


def test_a_folder_of_an_older_version(tmp_path):
    (tmp_path / RUN_FILE).write_text(json.dumps(OLD))
    claim(tmp_path, settings())
    assert json.loads((tmp_path / RUN_FILE).read_text()) == OLD
    with refuses("output", "another modality", "Received: 'flow'"):
        claim(tmp_path, settings(modality="flow"))
    with refuses("output", "another seed", "has 0", "Received: 1"):
        claim(tmp_path, settings(seed=1))


def test_streams_are_settings_of_a_run(tmp_path):
    """A run from before there were streams is no such run."""
    data = {"data": "data/gestures", "data_digest": "ab12", "labels": ("Left", "Right")}

    def online(**changes):
        recipe = get_recipe("gestures_online", **changes)
        return {**data, **run_settings(recipe, Initialization(), mixed_precision=None)}

    claim(tmp_path / "run", online())
    claim(tmp_path / "run", online())
    assert json.loads((tmp_path / "run" / RUN_FILE).read_text())["streams"]["window"] == 32
    with refuses("output", "another streams"):
        claim(tmp_path / "run", online(fps=6.0))
    with refuses("output", "another clip_epochs", "has 10", "Received: 3"):
        claim(tmp_path / "run", online(clip_epochs=3))
    (tmp_path / RUN_FILE).write_text(json.dumps({**OLD, "epochs": 36, "batch_size": 4}))
    with refuses("output", "another streams", "has None"):
        claim(tmp_path, online())


def test_a_folder_with_another_file_of_that_name(tmp_path):
    (tmp_path / RUN_FILE).write_text("{")
    with refuses("output", "run.json"):
        claim(tmp_path, settings())


def test_disk_errors_name_the_folder_and_remove_unfinished_files(tmp_path):
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / ".writing.model").touch()
    (tmp_path / "last" / "model").touch()
    with refuses("output", "free space", "No space left", str(tmp_path)), disk_errors(tmp_path):
        raise OSError(28, "No space left on device")
    assert [path.name for path in (tmp_path / "last").iterdir()] == ["model"]
    with pytest.raises(ValueError, match="other"), disk_errors(tmp_path):
        raise ValueError("other")


def test_launches_are_logged(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--data=my videos"])
    log_launch(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py", "--data=other"])
    log_launch(tmp_path)
    first, second = map(json.loads, (tmp_path / LAUNCHES_FILE).read_text().splitlines())
    assert first["command"] == "train.py '--data=my videos'"
    assert second["command"] == "train.py --data=other"
    assert first["backend"] and first["machine"]
    imported = {"numpy": np.__version__, "av": av.__version__, "keras": keras.__version__}
    assert imported.items() <= first["versions"].items()
    assert [first["versions"][name] for name in first["versions"] if "opencv" in name]
