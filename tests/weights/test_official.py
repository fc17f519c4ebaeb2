import argparse
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from official import OfficialCase
from other_names import mmaction_name
from testing import array, refuses

from tsm_tf import ModelSpec, build_model, load_checkpoint, load_official_weights
from tsm_tf.catalogue import ARCHITECTURES
from tsm_tf.weights.official import infer_spec, plain_name
from tsm_tf.weights.state_dicts import read_state_dict

FOUND = {
    "A": {"backbone": "resnet50", "num_classes": 174, "shift_mode": "bidirectional"},
    "B": {"backbone": "resnet101", "num_classes": 400},
    "C": {"backbone": "resnet50", "non_local": True, "temporal_pool": False},
    "D": {"backbone": "mobilenet_v2", "width": 1.0, "num_classes": 400, "dropout": 0.5},
    "E": {"backbone": "mobilenet_v2", "num_classes": 27, "shift_mode": "none", "dropout": 0.0},
    "F": {"backbone": "resnet50", "shift_mode": "none"},
    "G": {"temporal_pool": True, "shift_place": "blockres", "shift_mode": "bidirectional"},
    "H": {"shift_place": "block", "shift_mode": "bidirectional", "num_classes": 174},
    "I": {"modality": "flow", "num_classes": 101},
}


@pytest.fixture(scope="module")
def mobilenet(golden_dir):
    return OfficialCase(golden_dir, "D").state_dict()


@pytest.mark.parametrize("key", FOUND)
def test_reads_the_spec_off_the_names(golden_dir, key):
    shapes = OfficialCase(golden_dir, key).shapes
    spec = infer_spec({name: np.empty(shape, np.float32) for name, shape in shapes.items()})
    assert {name: getattr(spec, name) for name in FOUND[key]} == FOUND[key]


@pytest.mark.parametrize(
    "official, plain",
    [
        ("module.base_model.layer1.0.conv1.net.weight", "layer1.0.conv1.weight"),
        ("base_model.layer2.net.0.block.conv1.net.weight", "layer2.0.conv1.weight"),
        ("base_model.layer2.0.nl.g.0.bias", "layer2.0.nl.g.0.bias"),
        ("new_fc.weight", "head.weight"),
        ("base_model.fc.bias", "head.bias"),
        ("module.base_model.classifier.bias", "head.bias"),
        ("classifier.1.weight", "head.weight"),
    ],
)
def test_plain_name(official, plain):
    assert plain_name(official) == plain


def test_lists_everything_that_does_not_match_and_changes_nothing(mobilenet):
    model = build_model(infer_spec(mobilenet))
    before = model.get_weights()
    broken = dict(mobilenet)
    del broken["base_model.features.0.0.weight"], broken["base_model.features.3.conv.0.net.weight"]
    broken["new_fc.bias"] = np.zeros(7, np.float32)
    broken["base_model.features.99.weight"] = np.zeros(1, np.float32)
    problems = (
        "missing features.0.0.weight",
        "missing features.3.conv.0.weight",
        "misshaped head.bias (Keras needs (400,), the file has (7,))",
        "unexpected features.99.weight",
    )
    with refuses("state_dict") as caught:
        load_official_weights(model, broken)
    assert all(problem in str(caught.value) for problem in problems)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_refuses_two_names_for_one_weight(mobilenet):
    with refuses("state_dict", "stand for head.bias"):
        load_official_weights(
            build_model(infer_spec(mobilenet)), {**mobilenet, "fc.bias": mobilenet["new_fc.bias"]}
        )


def test_a_checkpoint_of_mmaction_gives_the_same_model(golden_dir):
    official = OfficialCase(golden_dir, "A").state_dict()
    theirs = {mmaction_name(name): array for name, array in official.items()}
    assert "backbone.layer1.0.conv1.conv.net.weight" in theirs
    spec = infer_spec(theirs)
    assert spec == infer_spec(official) and spec.shift_mode == "bidirectional"
    models = build_model(spec), build_model(spec)
    for model, state_dict in zip(models, (official, theirs), strict=True):
        load_official_weights(model, state_dict)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("prefix", ["model.", "_orig_mod.module.", "model._orig_mod."])
def test_prefixes_of_other_tools(mobilenet, prefix):
    theirs = {prefix + name: value for name, value in mobilenet.items()}
    assert infer_spec(theirs) == infer_spec(mobilenet)


def test_other_types_of_numbers(mobilenet):
    """Half precision, doubles, numpy scalars beside arrays; a parameter is in the torch tests."""
    model = build_model(infer_spec(mobilenet))
    name, counter = "new_fc.bias", "base_model.features.0.1.num_batches_tracked"
    for dtype in (ml_dtypes.bfloat16, np.float16, np.float64):
        theirs = {**mobilenet, name: mobilenet[name].astype(dtype), counter: np.int64(7)}
        load_official_weights(model, theirs)
        expected = mobilenet[name].astype(dtype).astype(np.float32)
        np.testing.assert_array_equal(array(model.get_layer("head").bias), expected)


def test_what_is_no_state_dict_is_one_line(mobilenet):
    model = build_model(infer_spec(mobilenet))
    for value in (object(), [1], {1: np.zeros(2)}):
        with refuses("state_dict", "module.state_dict()"):
            load_official_weights(model, value)
        with refuses("state_dict", "module.state_dict()"):
            infer_spec(value)
    with refuses("state_dict", "arrays of numbers", "new_fc.bias", "str"):
        load_official_weights(model, {**mobilenet, "new_fc.bias": "text"})
    for row in ARCHITECTURES.values():
        if hasattr(sys.modules[row.load_builder().__module__], "infer_backbone"):
            with refuses("state_dict", "of these networks: ", row.same_weights_as or row.name):
                infer_spec({"fc.weight": np.zeros((2, 3)), "conv1.weight": np.zeros(())})


def test_shifted_and_plain_names_stand_for_each_other(mobilenet):
    """A TSN's weights, whose names have no `net`, go into a shifted model."""
    plain = {name.replace(".net.", "."): value for name, value in mobilenet.items()}
    assert plain.keys() != mobilenet.keys()
    spec = infer_spec(mobilenet)
    assert spec.shift_mode == "bidirectional" and infer_spec(plain).shift_mode == "none"
    models = build_model(spec), build_model(spec)
    for model, state_dict in zip(models, (mobilenet, plain), strict=True):
        load_official_weights(model, state_dict)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_refuses_what_is_no_checkpoint(tmp_path):
    with refuses("state_dict", "must hold a classifier"):
        infer_spec({"a": np.zeros(1)})
    with refuses("state_dict", "mobilenet_v2"):
        infer_spec({"fc.weight": np.zeros((2, 3)), "conv1.weight": np.zeros((64, 3, 7, 7))})
    with pytest.raises(FileNotFoundError, match="`input`"):
        read_state_dict(tmp_path / "no.npz")
    (tmp_path / "a.txt").touch()
    with refuses("input", ".safetensors", "a.txt"):
        read_state_dict(tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_command_writes_a_checkpoint(tmp_path, mobilenet, suffix):
    file, output = tmp_path / f"official{suffix}", tmp_path / "out"
    weights = {f"module.{name}": array for name, array in mobilenet.items()}
    if suffix == ".npz":
        np.savez(file, **weights)
    else:
        from safetensors.numpy import save_file

        save_file(weights, file)
    command = [
        sys.executable,
        "-m",
        "tsm_tf.weights",
        f"--input={file}",
        f"--output={output}",
        "--input_size=96",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"backbone": "mobilenet_v2"' in done.stdout
    model = load_checkpoint(output)
    assert model.spec == ModelSpec(num_classes=400, input_size=96, shift_mode="bidirectional")
    np.testing.assert_array_equal(
        array(model.get_layer("head").kernel), mobilenet["new_fc.weight"].T
    )
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1 and "error: `output` must be a new or empty folder" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.slow
def test_reads_real_torch_files(tmp_path, mobilenet):
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    state_dict = {f"module.{name}": torch.from_numpy(array) for name, array in mobilenet.items()}
    torch.save(
        {"epoch": 50, "arch": "mobilenetv2", "state_dict": state_dict, "best_prec1": 0.7},
        tmp_path / "a.pth.tar",
    )
    read = read_state_dict(tmp_path / "a.pth.tar")
    assert read.keys() == state_dict.keys()
    np.testing.assert_array_equal(read["module.new_fc.bias"], mobilenet["new_fc.bias"])


def test_real_files_of_torch_load_whatever_is_beside_the_weights(tmp_path, mobilenet):
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    tensors = {name: torch.from_numpy(array) for name, array in mobilenet.items()}
    half = {name: torch.nn.Parameter(value.bfloat16()) for name, value in tensors.items()}
    contents = {
        "numbers.pth.tar": {"state_dict": tensors, "best_prec1": np.float64(1), "n": np.int64(2)},
        "half.pt": {"model_state_dict": half},
        "lightning.ckpt": {
            "state_dict": {f"model.{name}": value for name, value in tensors.items()},
            "hyper_parameters": argparse.Namespace(lr=0.1),
        },
        "compiled.pth": {f"_orig_mod.{name}": value for name, value in tensors.items()},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
        state_dict = read_state_dict(tmp_path / name)
        assert all(array.dtype == np.float32 for array in state_dict.values())
        assert infer_spec(state_dict) == infer_spec(mobilenet)


def test_whole_modules_say_what_to_save(tmp_path):
    torch = pytest.importorskip("torch", reason="make test-torch has it")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3))
    torch.save(module, tmp_path / "module.pth")
    torch.save({"model": module}, tmp_path / "inside.pth")
    torch.jit.save(torch.jit.script(module), str(tmp_path / "script.pt"))
    with refuses("input", "not a pickled torch.nn.modules.container.Sequential", "state_dict()"):
        read_state_dict(tmp_path / "module.pth")
    with refuses("input", "not a pickled torch.nn.modules.container.Sequential", "state_dict()"):
        read_state_dict(tmp_path / "inside.pth")
    with refuses("input", "TorchScript", "state_dict()"):
        read_state_dict(tmp_path / "script.pt")
